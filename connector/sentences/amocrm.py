"""What an administrator of amoCRM or Kommo reads: connecting the integration, and what `doctor` finds there."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    # letting the integration in
    "not-connected": (
        (
            "Портал {portal}: интеграция не подключена к аккаунту. Получить ссылку: .venv/bin/python app.py connect"
            " {portal}"
        ),
        (
            "Portal {portal}: the integration is not let into the account. Get the link: .venv/bin/python app.py"
            " connect {portal}"
        ),
    ),
    "connect-open": (
        (
            "Откройте ссылку под администратором аккаунта и нажмите «Разрешить» (действует 30 минут, один раз).\n"
            "В настройках интеграции должна стоять ссылка для перенаправления {redirect}\n"
            "и ссылка для хука об отключении {disabled}"
        ),
        (
            "Open this link as an administrator of the account and press “Allow” (good for 30 minutes, once).\n"
            "The integration's settings must name the redirect URL {redirect}\n"
            "and the access revoked notification web hook {disabled}"
        ),
    ),
    "connect-otherwise": (
        (
            "Портал {portal} подключается иначе: ссылка нужна только amoCRM с client_id и без token. Смотрите"
            " docs/amocrm.md и docs/bitrix24.md"
        ),
        (
            "Portal {portal} is connected in another way: only amoCRM with client_id and without token has a link. See"
            " docs/amocrm.md and docs/bitrix24.md"
        ),
    ),
    "connect-denied": (
        "Доступ не дан, ничего не изменилось. Подключить позже: python app.py connect ИМЯ_ПОРТАЛА",
        "Access was not granted and nothing has changed. To connect later: python app.py connect NAME_OF_PORTAL",
    ),
    "connect-not-proven": (
        (
            "Подключение не подтверждено. Возьмите новую ссылку (python app.py connect ИМЯ_ПОРТАЛА) и проверьте, что"
            " url, client_id и client_secret в config.yaml – от этого аккаунта и этой интеграции."
        ),
        (
            "The connection is not confirmed. Take a new link (python app.py connect NAME_OF_PORTAL) and see that url,"
            " client_id and client_secret in config.yaml are those of this account and this integration."
        ),
    ),
    "connect-later": (
        "Сейчас подключить не удалось: аккаунт не отвечает. Через минуту возьмите новую ссылку.",
        "The account gives no answer now. Take a new link in a minute.",
    ),
    "amo-switched-off": (
        (
            "Портал {portal}: интеграцию отключили в аккаунте, её токен больше не действует. Включите её и выпустите"
            " новый."
        ),
        "Portal {portal}: the integration was switched off, its token has ended. Switch it on and make a new token.",
    ),
    "amo-app-keys": (
        (
            "amoCRM не узнаёт интеграцию. Сверьте client_id и client_secret в config.yaml с вкладкой «Ключи и доступы»"
            " интеграции, а её ссылку для перенаправления – с docs/amocrm.md"
        ),
        (
            "amoCRM does not know the integration. Compare client_id and client_secret in config.yaml with its tab"
            " “Keys and scopes”, and its redirect URL with docs/amocrm.md"
        ),
    ),
    "amo-oauth-silent": (
        "Аккаунт не ответил на запрос новых токенов. Повторим сами; если так весь день, проверьте url в config.yaml.",
        "The account did not answer when asked for new tokens. We try again; if it lasts all day, look at url.",
    ),
    # what the examination finds
    "way-amocrm-app": (
        "amoCRM, интеграция (OAuth)",
        "amoCRM, an integration (OAuth)",
    ),
    "amo-fine": (
        "amoCRM: права, поля и вебхуки в порядке.",
        "amoCRM: rights, fields and webhooks are fine.",
    ),
    "amo-who": (
        "amoCRM: аккаунт «{account}» отвечает, работаем от имени пользователя {user}",
        "amoCRM: the account “{account}” answers; we act as {user}",
    ),
    "amo-users-hidden": (
        (
            "amoCRM: список пользователей закрыт: токен выдал не администратор, или интеграция внешняя. Нужна частная"
            " интеграция и доступ, который дал администратор."
        ),
        (
            "amoCRM: the list of users is closed to us: no administrator issued the token, or the integration is an"
            " external one. A private integration, let in by an administrator, is needed."
        ),
    ),
    "amo-not-admin": (
        "amoCRM: токен выдал не администратор: чужие сделки могут быть не видны, поля и вебхуки не создать.",
        "amoCRM: no administrator issued the token: others' leads may be hidden, fields and webhooks cannot be made.",
    ),
    "amo-oauth": (
        "amoCRM: токены интеграции действуют (нынешний до {until}) и обновляются сами.",
        "amoCRM: the integration's tokens work (the present one until {until}) and are renewed by themselves.",
    ),
    "amo-long-lived": (
        "amoCRM: долгосрочный токен действует.",
        "amoCRM: the long-lived token works.",
    ),
    "amo-long-lived-until": (
        "amoCRM: долгосрочный токен действует до {until}.",
        "amoCRM: the long-lived token works until {until}.",
    ),
    "amo-long-lived-ends": (
        (
            "amoCRM: долгосрочный токен кончается {until}. Выпустите новый (amoМаркет → ваша интеграция → Ключи и"
            " доступы) и впишите его в .env"
        ),
        (
            "amoCRM: the long-lived token ends on {until}. Make a new one (amoMarket → your integration → Keys and"
            " scopes) and enter it in .env"
        ),
    ),
    "amo-fields": (
        "amoCRM: в карточках компании и контакта нет полей {fields}. Создать: python app.py doctor --fix",
        "amoCRM: company and contact cards lack the fields {fields}. Make them: python app.py doctor --fix",
    ),
    "amo-task-types": (
        (
            "amoCRM: нет типов задач {types}; берём встроенный «Связаться». Создать может только человек: Задачи → ⋯ →"
            " Настроить типы задач (или список типов в окне новой задачи → Добавить тип)."
        ),
        (
            "amoCRM: there are no task types {types}; the built-in “Follow-up” is used. Only a person can make them:"
            " Tasks → ⋯ → Task types (or the list of types in a new task → Add type)."
        ),
    ),
    "amo-no-filter": (
        (
            "amoCRM: фильтры API (api_filter) в аккаунте не включены: изменения читаем по дате обновления, это чуть"
            " больше запросов. Работе не мешает."
        ),
        (
            "amoCRM: the account has no API filters (api_filter): changes are read by date of update, in a few more"
            " requests. It works all the same."
        ),
    ),
    "amo-filter": ("amoCRM: фильтры API включены.", "amoCRM: the account has API filters."),
    "amo-no-buyers": (
        "amoCRM: покупатели выключены, повторные заказы читаем из сделок.",
        "amoCRM: customers are off; repeat orders are read from leads.",
    ),
    "amo-buyers": (
        "amoCRM: покупатели включены ({mode}), их покупки считаются заказами.",
        "amoCRM: customers are on ({mode}); their purchases count as orders.",
    ),
    "amo-technical": (
        "amoCRM: это технический аккаунт.",
        "amoCRM: this is a technical account.",
    ),
    "amo-no-address": (
        (
            "amoCRM: вебхуки не подписать: в config.yaml нужны public_url и hook_secret. Пока подпишите их сами"
            " (docs/amocrm.md), иначе об изменениях узнаём только при сверке."
        ),
        (
            "amoCRM: webhooks cannot be subscribed: config.yaml needs public_url and hook_secret. Until then subscribe"
            " by hand (docs/amocrm.md), or changes are found by reconciliation only."
        ),
    ),
    "amo-hooks": (
        "amoCRM: нет подписки на {events}. Подписать: python app.py doctor --fix",
        "amoCRM: not subscribed to {events}. Subscribe: python app.py doctor --fix",
    ),
    "amo-hooks-off": (
        (
            "amoCRM отключил наш вебхук: было слишком много плохих ответов. Включить: python app.py doctor --fix;"
            " проверьте, что public_url виден снаружи."
        ),
        (
            "amoCRM has switched our webhook off after too many bad answers. Switch it on: python app.py doctor --fix;"
            " and see that public_url can be reached from outside."
        ),
    ),
    "amo-hooks-refused": (
        "amoCRM: вебхуки нам не показывают: это может только администратор аккаунта.",
        "amoCRM: webhooks are hidden from us: only an administrator of the account may see them.",
    ),
    "amo-hooks-plan": (
        "amoCRM: в тарифе нет вебхуков (нужен «Расширенный» или выше). Изменения находим при сверке.",
        "amoCRM: the plan has no webhooks (“Advanced” or higher is needed). Changes are found by reconciliation.",
    ),
}
