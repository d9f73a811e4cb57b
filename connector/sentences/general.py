"""Sentences of the command line, of parked portals, and what is written into the CRM about a touch."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "no-portal-file": (
        "{path}: файла нет. Создайте его: python app.py init {portal}",
        "{path}: there is no such file. Make it: python app.py init {portal}",
    ),
    "portal-exists": (
        "{path} уже есть, ничего не меняю.",
        "{path} exists already; nothing was changed.",
    ),
    "portal-made": (
        (
            "Создано: {path}. Дальше: впишите стадии и поля в portal.yaml и проверьте: "
            "python app.py check --portal {portal}"
        ),
        "Made: {path}. Next: enter stages and fields in portal.yaml and look: python app.py check --portal {portal}",
    ),
    "unknown-portal": (
        "Портала «{portal}» нет в config.yaml. Есть: {known}.",
        "There is no portal '{portal}' in config.yaml. There are: {known}.",
    ),
    "unknown-template": (
        "Готового регламента «{template}» нет. Есть: {known}.",
        "There is no ready regulation '{template}'. There are: {known}.",
    ),
    "crm-unreachable": (
        "Портал {portal}: CRM не отвечает: {why}",
        "Portal {portal}: the CRM cannot be reached: {why}",
    ),
    "no-client": (
        "Клиента {client} на портале {portal} не знаю. Например: {example}.",
        "Client {client} is not known on portal {portal}. For instance: {example}.",
    ),
    "no-problems": ("Ошибок нет.", "No problems."),
    "no-regulation": (
        "Портал {portal}: нет годного регламента, работать не по чему. Проверьте: python app.py check",
        "Portal {portal}: there is no usable regulation to work by. Look: python app.py check",
    ),
    "our-fault": (
        "Портал {portal}: внутренняя ошибка, подробности в журнале. Работа продолжится сама после паузы.",
        "Portal {portal}: an internal error, see the log. Work goes on by itself after a pause.",
    ),
    "not-in-config": (
        "Портала {portal} больше нет в config.yaml; его данные остаются.",
        "Portal {portal} is no longer in config.yaml; its rows are kept.",
    ),
    "not-served-yet": (
        "Портал {portal} ещё ни разу не обслуживался. Запустите: python app.py serve",
        "Portal {portal} has not been served yet. Start: python app.py serve",
    ),
    "second-worker": (
        "Рабочий процесс для этой базы уже запущен. Несколько – только с PostgreSQL (config.yaml: database).",
        "A worker is running on this database already. Several need PostgreSQL (config.yaml: database).",
    ),
    "no-file": (
        "{path}: файла нет или его нельзя прочесть.",
        "{path}: there is no such file, or it cannot be read.",
    ),
    "withdrawn-by-regulation": ("Отменено регламентом: {why}", "Withdrawn by the regulation: {why}"),
    "touch-done": ("Сделано.", "Done."),
    "touch-proven": ("Касание состоялось: {kind}, {at}.", "The touch has happened: {kind}, {at}."),
    "wanted-again": ("Снова нужно: причина вернулась.", "Wanted again: the reason has returned."),
    "touch-late": ("Касание просрочено", "A touch is late"),
    "touch-reminder": ("Напоминание о касании", "A reminder of a touch"),
    "told-overdue": (
        "{client}: «{title}». Ответственный: {who}, срок был {due}.",
        "{client}: “{title}”. Responsible: {who}, it was due {due}.",
    ),
    "told-ignored": (
        "{client}: на предложение «{title}» нет ответа. Кому предложено: {who}.",
        "{client}: the proposal “{title}” has no answer. Offered to: {who}.",
    ),
    "signal-call": ("звонок", "a call"),
    "signal-meeting": ("встреча", "a meeting"),
    "signal-email": ("письмо", "an e-mail"),
    "signal-chat": ("переписка", "a chat"),
    "signal-order": ("заказ", "an order"),
    "signal-sms": ("СМС", "an SMS"),
}
