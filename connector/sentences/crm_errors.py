"""What an administrator reads when a CRM refuses a call: by `advice` of the error."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "crm-wait": (
        "Ничего делать не нужно: это предел или сбой на стороне CRM, работа продолжится сама.",
        "Nothing to do: this is a limit or a failure on the CRM's side; work goes on by itself.",
    ),
    "crm-oauth-silent": (
        "Сервер авторизации Битрикс24 не ответил. Повторим сами; если так весь день, проверьте oauth_url.",
        (
            "Bitrix24's authorisation server did not answer. We try again; if it lasts all day, look at oauth_url in"
            " config.yaml."
        ),
    ),
    "crm-overload": (
        "Битрикс24 закрыл REST этого портала вручную из-за нагрузки. Снимает блокировку только поддержка Битрикс24.",
        "Bitrix24 has closed this portal's REST by hand because of its load. Only Bitrix24's support can lift this.",
    ),
    "crm-webhook": (
        (
            "Портал не знает входящего вебхука: его удалили, перевыпустили или уволили его владельца. Создайте вебхук"
            " заново (Разработчикам → Другое → Входящий вебхук) и впишите адрес в config.yaml (url)."
        ),
        (
            "The portal does not know the incoming webhook: it was deleted or renewed, or its owner was dismissed."
            " Create it anew (Developer resources → Other → Inbound webhook), enter its address in config.yaml (url)."
        ),
    ),
    "crm-install": (
        (
            "Доступ приложения к порталу больше не действует. Откройте приложение на портале под администратором и"
            " установите его заново (Разработчикам → Интеграции → Переустановить)."
        ),
        (
            "The application's access to the portal has ended. Open it on the portal as an administrator and install it"
            " again (Developer resources → Integrations → Reinstall)."
        ),
    ),
    "crm-app-keys": (
        (
            "Битрикс24 не узнаёт приложение. Сверьте client_id и client_secret в config.yaml с карточкой приложения и"
            " проверьте, что оно установлено на портале."
        ),
        (
            "Bitrix24 does not know the application. Compare client_id and client_secret in config.yaml with its card"
            " and see that it is installed on the portal."
        ),
    ),
    "crm-rights": (
        (
            "У пользователя, от имени которого мы работаем, нет прав, или Битрикс24 отключил вебхук (так бывает, если"
            " его адрес попал в открытый доступ). Нужен администратор CRM; вебхук при сомнении перевыпустите."
        ),
        (
            "The user in whose name we work lacks rights, or Bitrix24 has switched the webhook off (it does so when its"
            " address was published). A CRM administrator is needed; when in doubt, renew the webhook."
        ),
    ),
    "crm-scope": (
        (
            "Вебхуку не хватает прав доступа (scope). Добавьте в его карточке: crm, task, user_brief, department, im,"
            " calendar."
        ),
        "The webhook lacks permissions (scope). Add in its card: crm, task, user_brief, department, im, calendar.",
    ),
    "crm-app-scope": (
        (
            "Приложению не хватает прав доступа (scope). Добавьте в его карточке: crm, task, user_brief, department,"
            " im, calendar, placement; затем переустановите его."
        ),
        (
            "The application lacks permissions (scope). Add in its card: crm, task, user_brief, department, im,"
            " calendar, placement; then reinstall it."
        ),
    ),
    "crm-tariff": (
        (
            "REST закрыт: он есть только на платных тарифах с подпиской на Маркет. Если тариф оплачен, проверьте права"
            " пользователя на этот объект CRM."
        ),
        (
            "REST is closed: it needs a paid plan and a Market subscription. If the plan is paid, look at the user's"
            " rights to this CRM object."
        ),
    ),
    "crm-payment": (
        "Подписка портала или приложения закончилась. После оплаты работа продолжится сама.",
        "The subscription of the portal or of the application has ended. Work goes on by itself once it is paid.",
    ),
    "crm-app-access": (
        (
            "Приложение установлено, но пользователю, от имени которого оно работает, доступ к нему не дан. Дайте его в"
            " карточке приложения."
        ),
        (
            "The application is installed, but the user in whose name it works has no access to it. Grant it in the"
            " application's card."
        ),
    ),
    "crm-intranet": (
        "Мы работаем от имени внешнего пользователя (экстранет). Нужен сотрудник компании с правами администратора.",
        "We work in the name of an extranet user. An employee with administrator's rights is needed.",
    ),
    "crm-needs-app": (
        (
            "Этот метод доступен только приложению, а портал подключён вебхуком. Для него подключите локальное"
            " приложение (docs/bitrix24.md)."
        ),
        (
            "Only an application may call this method, and the portal is connected by a webhook. Connect a local"
            " application for it (docs/bitrix24.md)."
        ),
    ),
    "crm-other-app": (
        "Эту запись создало другое приложение; менять её может только оно.",
        "Another application made this record; only that one may change it.",
    ),
    "crm-confirm": (
        "Битрикс24 ждёт, что администратор портала разрешит этот вызов, или он его запретил. Разрешите его на портале.",
        "Bitrix24 waits for the portal's administrator to allow this call, or he denied it. Allow it on the portal.",
    ),
    "crm-portal-closed": (
        (
            "Портал удалён, или закрыта его публичная часть (для коробки: Настройки → Главный модуль → Временное"
            " закрытие публичной части). Если портала больше нет, уберите его из config.yaml."
        ),
        (
            "The portal was deleted, or its public part is closed (on-premise: Settings → Main module → Temporary"
            " closure of the public part). If it is gone for good, take it out of config.yaml."
        ),
    ),
    "crm-https": (
        "Портал принимает вызовы только по https. Исправьте адрес в config.yaml (url).",
        "The portal takes calls by https only. Mend its address in config.yaml (url).",
    ),
    "crm-address": (
        "По этому адресу нет такого метода: скорее всего, адрес вебхука вписан с ошибкой (config.yaml, url).",
        "There is no such method under this address: most likely the webhook's address is mistyped (config.yaml, url).",
    ),
    "crm-moved": (
        "Портал отвечает с другого адреса, которому мы не доверяем. Впишите новый адрес в config.yaml (url).",
        "The portal answers from another address, which we do not trust. Enter the new one in config.yaml (url).",
    ),
    "crm-no-method": (
        "На портале нет этого метода: модуль выключен, не входит в тариф, или Битрикс24 устарел.",
        "The portal lacks this method: its module is off or not in the plan, or Bitrix24 is outdated.",
    ),
    "crm-object": (
        "Объект удалён, закрыт или не виден пользователю, от имени которого мы работаем.",
        "The object was deleted, is closed, or is hidden from the user in whose name we work.",
    ),
    "crm-fields": (
        (
            "Битрикс24 не принял запись. Чаще всего на портале есть обязательное поле, которого мы не заполняем, или у"
            " пользователя нет права на это действие; точная причина в тексте ошибки."
        ),
        (
            "Bitrix24 did not accept the record. Most often the portal has a mandatory field that we do not fill, or"
            " the user lacks the right to do this; the error's text says which."
        ),
    ),
    "crm-user": (
        "Некому послать сообщение: сотрудника нет или он уволен. Проверьте роли в portal.yaml.",
        "There is nobody to send the message to: the user is gone or dismissed. Look at the roles in portal.yaml.",
    ),
    "crm-no-event": (
        "Этот портал не знает такого события или места встраивания: модуль выключен, или нужна новая версия.",
        "This portal does not know such an event or place: its module is off, or it comes with a newer version.",
    ),
    "crm-public-url": (
        (
            "Битрикс24 не принял наш внешний адрес. В config.yaml (public_url) нужен публичный https с сертификатом"
            " удостоверяющего центра."
        ),
        (
            "Bitrix24 did not accept our outside address. public_url in config.yaml must be a public https address with"
            " a certificate of a known authority."
        ),
    ),
    "crm-placement": (
        "Битрикс24 не даёт встроить ещё один элемент: исчерпан предел, или место только для личных встроек.",
        "Bitrix24 takes no further element here: the limit is reached, or the place is for personal ones only.",
    ),
    "crm-our-call": (
        "Битрикс24 счёл вызов неверным. Если повторяется, сообщите разработчикам Kasanie код и текст ошибки.",
        "Bitrix24 took the call for wrong. If it repeats, tell the developers of Kasanie the error's code and text.",
    ),
}
