"""What `doctor` says: findings of adapters and of the installation."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "doctor-portal": ("{portal} ({way})", "{portal} ({way})"),
    "way-app": ("Битрикс24, локальное приложение", "Bitrix24, a local application"),
    "way-webhooks": ("Битрикс24, вебхуки", "Bitrix24, webhooks"),
    "way-amocrm": ("amoCRM, долгосрочный токен", "amoCRM, a long-lived token"),
    "doctor-fine": ("в порядке", "fine"),
    "doctor-note": ("к сведению", "note"),
    "doctor-problem": ("проблема", "problem"),
    "doctor-parked": ("портал не обслуживается: {why}", "the portal is not served: {why}"),
    "doctor-dead": (
        "записей, которые CRM не приняла: {count}; последняя: {why}",
        "writes that the CRM refused: {count}; the last one: {why}",
    ),
    "doctor-files": (
        "ошибок в файлах портала: {count}. Показать: python app.py check",
        "problems in the portal's files: {count}. Show them: python app.py check",
    ),
    "doctor-unmapped": (
        "полям досье не указано место в CRM (portal.yaml, dossier), они считаются пустыми: {fields}",
        "dossier fields without a place in the CRM (portal.yaml, dossier) count as empty: {fields}",
    ),
    "doctor-bound": ("подписки на события поставлены: {events}", "event subscriptions bound: {events}"),
    "no-hook-secret": (
        "портал не сообщил токен своих событий, их не отличить от поддельных. Переустановите приложение.",
        "the portal did not tell the token of its events, so they cannot be told from forged ones. Reinstall.",
    ),
    "alarm-install-refused": (
        "{at}: отклонена установка с чужого портала ({about})",
        "{at}: an installation from another portal was refused ({about})",
    ),
    "alarm-install-other-user": (
        "{at}: другой пользователь пытался переустановить приложение, отклонено. Если так нужно, сначала удалите его.",
        "{at}: another user tried to install the application again and was refused. To let him, remove it first.",
    ),
    "alarm-facts-vanished": (
        "{at}: вдруг перестало быть видно очень много карточек. Ничего не сделано: проверьте права подключившего.",
        "{at}: suddenly very many cards cannot be seen. Nothing was done about them: look at our user's rights.",
    ),
    "alarm-install-removed": (
        "{at}: приложение удалено или отключено",
        "{at}: the application was taken off or switched off",
    ),
    "alarm-hooks-lost": (
        "{at}: портал потерял подписки, поставлены заново: {about}",
        "{at}: the portal had lost subscriptions, they were bound again: {about}",
    ),
    "alarm-hooks-not-bound": (
        "{at}: подписки поставить не удалось: {about}",
        "{at}: the subscriptions could not be bound: {about}",
    ),
    "b24-who": (
        "Битрикс24: портал отвечает, работаем от имени пользователя {user}",
        "Bitrix24: the portal answers; we act as {user}",
    ),
    "clock-right": ("часы сходятся с часами портала", "our clock agrees with the portal's"),
    "clock-off": (
        "наши часы расходятся с часами портала на {seconds} с: настройте синхронизацию времени (NTP)",
        "our clock differs from the portal's by {seconds} s: have the time synchronised (NTP)",
    ),
    # the installation and its key
    "key-open": (
        "{path}: файл ключа открыт другим пользователям машины. Исправить: chmod 600 {path}",
        "{path}: other users of this machine may read the key. Mend it: chmod 600 {path}",
    ),
    "not-installed": (
        "Портал {portal}: приложение не установлено. Установите его на портале (docs/bitrix24.md), дальше всё само.",
        "Portal {portal}: the application is not installed. Install it there (docs/bitrix24.md); the rest follows.",
    ),
    "install-done": ("Касание подключено к порталу", "Kasanie is connected to the portal"),
    "install-next": (
        "Страницу можно закрыть. На сервере проверьте всё командой: python app.py doctor",
        "You may close this page. On the server look at everything: python app.py doctor",
    ),
    "install-not-proven": (
        "Установка не подтверждена сервером авторизации Битрикс24: проверьте client_id и oauth_url в config.yaml.",
        "Bitrix24's OAuth server does not confirm this installation: look at client_id and oauth_url in config.yaml.",
    ),
    "install-later": (
        "Сейчас установку проверить нельзя: сервер авторизации Битрикс24 не отвечает. Повторите через минуту.",
        "The installation cannot be confirmed now: Bitrix24's OAuth server gives no answer. Try again in a minute.",
    ),
    "key-missing": (
        "{path}: файла ключа нет, а токены в базе зашифрованы им. Верните файл из своей копии.",
        "{path}: there is no key file, and the tokens in the tables are sealed with it. Restore it from your copy.",
    ),
    "key-wrong": (
        "{path}: этот ключ не открывает токены в базе. Верните файл ключа, которым они зашифрованы.",
        "{path}: this key does not open the tokens in the tables. Restore the key file they were sealed with.",
    ),
    "key-unreadable": (
        "{path}: файл ключа нельзя прочесть, или в нём не ключи.",
        "{path}: the key file cannot be read, or it holds no keys.",
    ),
    "key-changed": (
        "Новый ключ – в {path}, перешифровано секретов: {count}. Скопируйте файл на все машины; потом --drop-old.",
        "A new key is in {path}, secrets sealed anew: {count}. Copy the file to every machine; then --drop-old.",
    ),
    "key-dropped": (
        "В {path} остался один ключ, перешифровано секретов: {count}.",
        "One key is left in {path}, secrets sealed anew: {count}.",
    ),
    # what the Bitrix24 adapter finds
    "b24-fine": (
        "Битрикс24: права, поля и подписки в порядке.",
        "Bitrix24: rights, fields and subscriptions are fine.",
    ),
    "b24-scope": (
        "Битрикс24: вебхуку не хватает прав доступа: {scopes}. Добавьте их в карточке входящего вебхука.",
        "Bitrix24: the webhook lacks permissions: {scopes}. Add them in the card of the inbound webhook.",
    ),
    "b24-app-scope": (
        "Битрикс24: приложению не хватает прав доступа: {scopes}. Добавьте их в его карточке и переустановите его.",
        "Bitrix24: the application lacks permissions: {scopes}. Add them in its card and reinstall it.",
    ),
    "b24-scope-useful": (
        "Битрикс24: нет прав {scopes}. Без них не видны руководители (department), нет сообщений (im) и календаря.",
        "Bitrix24: no permissions {scopes}. Without them there are no heads (department), messages (im) or calendar.",
    ),
    "b24-not-admin": (
        "Битрикс24: мы работаем не от имени администратора: чужие сделки не видны, поля досье не создать.",
        "Bitrix24: we do not work as an administrator: others' deals are hidden, dossier fields cannot be made.",
    ),
    "b24-fields": (
        "Битрикс24: в карточках компании и контакта нет полей {fields}. Создать: python app.py doctor --fix",
        "Bitrix24: company and contact cards lack the fields {fields}. Make them: python app.py doctor --fix",
    ),
    "b24-webhook-limits": (
        (
            "Битрикс24 подключён вебхуками: нет события о переносе сделки в другую воронку (узнаем при сверке), "
            "предложения приходят задачами вместо кнопок, подписки не проверить. Всё это умеет локальное приложение."
        ),
        (
            "Bitrix24 is connected by webhooks: no event when a deal changes its pipeline (reconciliation finds it), "
            "proposals are tasks instead of buttons, subscriptions cannot be checked. A local application has all this."
        ),
    ),
    "b24-no-address": (
        "Битрикс24: неизвестен наш внешний адрес (public_url), события подписать некуда.",
        "Bitrix24: our outside address (public_url) is not known, so no event can be bound to it.",
    ),
    "b24-no-queue": (
        "Битрикс24: тариф портала не даёт очереди событий с подтверждением, события приходят сразу к нам.",
        "Bitrix24: the portal's plan has no event queue with confirmation; events are posted to us.",
    ),
    "b24-no-connector": (
        "Битрикс24: тариф не даёт исключать из очереди наши собственные изменения, они придут эхом.",
        "Bitrix24: the plan cannot keep our own changes out of the queue; they come back as echoes.",
    ),
    "b24-hooks": (
        "Битрикс24: потеряны подписки на события: {events}. Вернуть: python app.py doctor --fix",
        "Bitrix24: subscriptions are lost: {events}. Bind them again: python app.py doctor --fix",
    ),
    "b24-hooks-refused": (
        "Битрикс24: подписки прочесть нельзя: {why}",
        "Bitrix24: the subscriptions cannot be read: {why}",
    ),
    "b24-hooks-unknown": (
        "Битрикс24: портал не знает событий {events}: их модули выключены.",
        "Bitrix24: the portal does not know the events {events}: their modules are off.",
    ),
}
