"""What can be wrong with config.yaml and with the files of a portal."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    # config.yaml
    "no-config": (
        "файла нет; скопируйте config.example.yaml в {path} и впишите свои порталы",
        "there is no such file; copy config.example.yaml to {path} and enter your portals",
    ),
    "no-variable": (
        "в .env и в окружении нет {name}",
        "{name} is neither in .env nor in the environment",
    ),
    "bad-portal-name": (
        "имя портала «{portal}» – не строчные латинские буквы, цифры и дефис",
        "portal name '{portal}' is not lower-case letters, digits and hyphens",
    ),
    "bad-url": ("это не адрес вида https://…", "this is not an address of the form https://…"),
    "bad-listen": (
        "здесь нужен адрес и порт, например 127.0.0.1:8080",
        "an address and a port are expected here, for instance 127.0.0.1:8080",
    ),
    "bad-database": (
        "здесь нужно sqlite:///ПУТЬ или postgresql+psycopg://…",
        "sqlite:///PATH or postgresql+psycopg://… is expected here",
    ),
    "sandbox-credential": (
        "портал «{portal}»: это учётные данные песочницы (sandbox-), рабочий запуск с ними невозможен",
        "portal '{portal}': these are sandbox credentials (sandbox-); production does not start with them",
    ),
    "loopback-portal": (
        "портал «{portal}» на этой же машине бывает только в песочнице",
        "portal '{portal}' on this very machine exists only in the sandbox",
    ),
    "not-https": (
        "портал «{portal}»: адрес должен начинаться с https://",
        "portal '{portal}': the address must begin with https://",
    ),
    "private-host": (
        "портал «{portal}»: это адрес внутренней сети",
        "portal '{portal}': this host is in a private network",
    ),
    "weak-hook-secret": (
        "портал «{portal}»: нужен hook_secret от 32 знаков: латинские буквы, цифры, дефис и подчёркивание",
        "portal '{portal}': a hook_secret of 32 or more letters, digits, hyphens and underscores is needed",
    ),
    "no-application-token": (
        "портал «{portal}»: нужен application_tokens – токен исходящего вебхука, иначе его не отличить от поддельного",
        "portal '{portal}': application_tokens, the outgoing webhook's token, is needed to tell it from a forged one",
    ),
    "no-token": (
        "портал «{portal}»: нужен token – долгосрочный токен частной интеграции",
        "portal '{portal}': token, the long-lived token of the private integration, is needed",
    ),
    "not-loopback": (
        "портал «{portal}»: при KASANIE_SANDBOX=1 портал должен быть на этой машине (127.0.0.1)",
        "portal '{portal}': with KASANIE_SANDBOX=1 a portal must be on this machine (127.0.0.1)",
    ),
    "sandbox-listen": (
        "при KASANIE_SANDBOX=1 служба слушает только 127.0.0.1",
        "with KASANIE_SANDBOX=1 the service listens on 127.0.0.1 only",
    ),
    "sandbox-clock": (
        "KASANIE_SANDBOX_URL: часы песочницы бывают только на этой машине (127.0.0.1)",
        "KASANIE_SANDBOX_URL: the sandbox's clock can only be on this machine (127.0.0.1)",
    ),
    "failpoint-outside": (
        "KASANIE_FAILPOINT работает только вместе с KASANIE_SANDBOX=1",
        "KASANIE_FAILPOINT works only together with KASANIE_SANDBOX=1",
    ),
    "waits-outside": (
        "другие времена ожидания разрешены только при KASANIE_SANDBOX=1",
        "other waiting times are allowed only with KASANIE_SANDBOX=1",
    ),
    "one-process-on-sqlite": (
        "на SQLite – один процесс; больше – с PostgreSQL",
        "one process on SQLite; more need PostgreSQL",
    ),
    "write-own-credentials": (
        "впишите данные своего портала: docs/bitrix24.md, docs/amocrm.md",
        "enter those of your own portal: docs/bitrix24.md, docs/amocrm.md",
    ),
    "write-variable": ("допишите в .env строку {name}=…", "add a line {name}=… to .env"),
    "allow-private": (
        "для портала на своём сервере укажите allow_private_host: true",
        "for a portal on a server of your own set allow_private_host: true",
    ),
    "make-secret": (
        'создать: python3 -c "import secrets; print(secrets.token_hex(16))"',
        'make one: python3 -c "import secrets; print(secrets.token_hex(16))"',
    ),
    # portals/<name>/
    "bad-day-off": ("«{text}» – не день вида 2026-05-04", "'{text}' is no day of the form 2026-05-04"),
    "bad-place": (
        "«{text}» – не поле CRM; карточка и имя поля пишутся так: company.ИМЯ, contact.ИМЯ или deal.ИМЯ",
        "'{text}' is no CRM field; card and field are written company.NAME, contact.NAME or deal.NAME",
    ),
    "bad-field-name": (
        "«{text}» – не имя поля регламента; оно пишется так: client.имя, contact.имя или deal.имя",
        "'{text}' is no field of the regulation; it is written client.name, contact.name or deal.name",
    ),
    "bad-stage": (
        "«{text}» – не стадия; она пишется так: ВОРОНКА:СТАДИЯ",
        "'{text}' is no stage; it is written PIPELINE:STAGE",
    ),
    "stage-twice": (
        "стадия {stage} уже отнесена к фазе {phase}",
        "stage {stage} already belongs to phase {phase}",
    ),
    "unmapped-stage": (
        "стадия «{stage}» ({key}) не отнесена ни к одной фазе",
        "stage '{stage}' ({key}) belongs to no phase",
    ),
    "unknown-stage": ("стадии {key} в CRM нет", "the CRM has no stage {key}"),
    "unknown-field": ("поля {field} в CRM нет", "the CRM has no field {field}"),
    "unknown-user": ("пользователя {user} в CRM нет", "the CRM has no user {user}"),
    "map-dossier-field": ("поля «{field}» в досье нет", "the dossier has no field '{field}'"),
}
