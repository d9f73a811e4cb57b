"""What an administrator reads when amoCRM or Kommo refuses a call: by `advice` of the error."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "amo-token": (
        (
            "Долгосрочный токен истёк или отозван. Выпустите новый (amoМаркет → ваша интеграция → Ключи и доступы) и"
            " впишите его в config.yaml (token)."
        ),
        (
            "The long-lived token has expired or was revoked. Make a new one (amoMarket → your integration → Keys and"
            " scopes) and enter it in config.yaml (token)."
        ),
    ),
    "amo-connect": (
        (
            "Доступ к аккаунту больше не действует: интеграцию отключили или ею три месяца не пользовались. Подключите"
            " её заново: .venv/bin/python app.py connect {portal}"
        ),
        (
            "The access to the account has ended: the integration was switched off or not used for three months."
            " Connect it again: .venv/bin/python app.py connect {portal}"
        ),
    ),
    "amo-payment": (
        ("Подписка аккаунта amoCRM закончилась, или в его тарифе нет API. После оплаты работа продолжится сама."),
        ("The account's subscription has ended, or its plan lacks the API. Work goes on by itself once it is paid."),
    ),
    "amo-rights": (
        (
            "У пользователя, от имени которого мы работаем, нет права на это действие. Токен должен выдать"
            " администратор аккаунта."
        ),
        (
            "The user in whose name we work lacks the right to do this. The token has to be issued by an administrator"
            " of the account."
        ),
    ),
    "amo-banned": (
        (
            "amoCRM временно закрыл доступ за слишком частые запросы (возможно, другой интеграции с этого же адреса)."
            " Мы не обращаемся к аккаунту несколько часов. Если блокировка не снимется, напишите в поддержку amoCRM."
        ),
        (
            "amoCRM has shut us out for a time because of too many requests (perhaps another integration's, from the"
            " same address). We leave the account alone for some hours. If it lasts, write to amoCRM's support."
        ),
    ),
    "amo-white-list": (
        (
            "В аккаунте включён белый список IP-адресов, и адреса этого сервера в нём нет. Добавьте его (Настройки →"
            " Общие настройки → Безопасность)."
        ),
        (
            "The account has a white list of IP addresses and this server's is not on it. Add it (Settings → General"
            " settings → Security)."
        ),
    ),
    "amo-user-off": (
        (
            "Пользователь, от имени которого мы работаем, отключён в аккаунте. Включите его (Настройки → Пользователи)"
            " или выдайте доступ от имени другого администратора."
        ),
        (
            "The user in whose name we work is switched off in the account. Switch him on (Settings → Users), or grant"
            " access as another administrator."
        ),
    ),
    "amo-address": (
        "По этому адресу нет аккаунта: его переименовали или удалили. Сверьте адрес в config.yaml (url).",
        "There is no account at this address: it was renamed or deleted. Compare the address in config.yaml (url).",
    ),
    "amo-object": (
        "Сделка, контакт, компания или задача удалены, объединены с другими или не видны нашему пользователю.",
        "The lead, contact, company or task was deleted, merged into another, or is hidden from our user.",
    ),
    "amo-field": (
        (
            "amoCRM не принял значение поля: поле удалили или изменили. Недостающие поля создаст"
            " .venv/bin/python app.py doctor --fix"
        ),
        (
            "amoCRM did not accept the value of a field: the field was deleted or changed. Missing fields are made by"
            " .venv/bin/python app.py doctor --fix"
        ),
    ),
    "amo-user": (
        "Ответственного нет в аккаунте, или он отключён. Проверьте роли в portal.yaml.",
        "The responsible user is not in the account, or is switched off. Look at the roles in portal.yaml.",
    ),
    "amo-task-type": (
        "Такого типа задач в аккаунте нет. Создайте его снова или ничего не делайте: возьмём встроенный тип.",
        "The account has no such task type. Make it again, or do nothing: the built-in type will be used.",
    ),
    "amo-customers": (
        "Покупатели в этом аккаунте выключены или не входят в тариф. Остальное работает.",
        "Customers are switched off in this account or are not in its plan. All else works.",
    ),
    "amo-our-call": (
        "amoCRM счёл вызов неверным. Если повторяется, сообщите разработчикам Kasanie код и текст ошибки.",
        "amoCRM took the call for wrong. If it repeats, tell the developers of Kasanie the error's code and text.",
    ),
}
