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
    "no-client-id": (
        "портал «{portal}»: client_secret и offline_events нужны вместе с client_id приложения или интеграции",
        "portal '{portal}': client_secret and offline_events belong to an application: its client_id is missing",
    ),
    "no-client-secret": (
        "портал «{portal}»: нужен client_secret – ключ приложения или интеграции",
        "portal '{portal}': client_secret, the key of the application or integration, is needed",
    ),
    "client-id-twice": (
        "портал «{portal}»: этот client_id уже есть у другого портала; у каждого портала своё приложение",
        "portal '{portal}': another portal has this client_id; each portal has an application of its own",
    ),
    "app-url": (
        "портал «{portal}»: с client_id здесь нужен адрес самого портала: https://ИМЯ.bitrix24.ru или amocrm.ru",
        "portal '{portal}': with client_id the portal's own address is needed: https://NAME.bitrix24.ru or amocrm.ru",
    ),
    "strange-oauth": (
        "портал «{portal}»: серверы авторизации Битрикс24 – {known}; ключ приложения больше никуда не отправляется",
        "portal '{portal}': the OAuth servers of Bitrix24 are {known}; the application's key is sent nowhere else",
    ),
    "no-public-url": (
        "портал «{portal}»: приложению нужен public_url – адрес, по которому Касание видно снаружи",
        "portal '{portal}': an application needs public_url, the address at which the outside reaches Kasanie",
    ),
    "public-https": (
        "CRM шлёт события только на публичный адрес, который начинается с https://",
        "a CRM posts only to a public address that begins with https://",
    ),
    "public-loopback": (
        "при KASANIE_SANDBOX=1 public_url бывает только на этой машине (127.0.0.1)",
        "with KASANIE_SANDBOX=1 public_url can only be on this machine (127.0.0.1)",
    ),
    "no-token": (
        "портал «{portal}»: нужен token – долгосрочный токен частной интеграции, или её client_id и client_secret",
        "portal '{portal}': the private integration's long-lived token, or its client_id and client_secret, is needed",
    ),
    "strange-account": (
        "портал «{portal}»: аккаунты amoCRM живут на {known}; ключ интеграции больше никуда не отправляется",
        "portal '{portal}': accounts of amoCRM live at {known}; the integration's key is sent nowhere else",
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
        "«{text}» – не поле CRM; пишется так: company.ИМЯ, contact.ИМЯ, deal.ИМЯ; реквизиты – company.requisite.ИМЯ",
        "'{text}' is no CRM field; write company.NAME, contact.NAME, deal.NAME; requisites: company.requisite.NAME",
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
