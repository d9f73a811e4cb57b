"""The custom fields of the invented CRM: the 50 of the dossier (facts/domain.md 7) and what a regulation reads.

In `Card.fields` text is a str, a number an int or float, a date a `datetime.date`, a choice its id, a flag a bool.
"""

from __future__ import annotations

import random
from datetime import date, datetime
from typing import Any

from connector.sandbox.base import Base
from connector.sandbox.records import CardKind, FieldSpec, FieldType

COMPANY_FIELDS: list[tuple[str, str, FieldType, Any]] = [
    ("legal_name", "Юридическое название", "text", ""),
    ("inn", "ИНН", "text", ""),
    ("industry", "Отрасль и чем зарабатывает", "text", "Металлообработка, заказы машиностроения"),
    ("turnover", "Оборот за год", "number", 420_000_000),
    ("headcount", "Сколько людей", "number", 180),
    ("sites", "Площадки и адреса", "text", "Завод в Подольске, склад в Химках"),
    ("owners", "Собственники, холдинг", "text", "Семья основателя, 100 %"),
    ("plans", "Цели и проекты на год", "text", "Вторая линия, выход в Казахстан"),
    ("category_budget", "Бюджет на нашу категорию в год", "number", 24_000_000),
    ("competitors", "У кого ещё покупает и сколько", "text", "Сталькомплект, около 40 %"),
    ("why_competitors", "За что держится за других", "text", "Отсрочка 45 дней"),
    ("product_map", "Карта ассортимента: что берёт у нас, у других, ни у кого", "text", "Крепёж у нас, лист у других"),
    ("purchase_cycle", "Цикл закупки, дней", "number", 45),
    ("next_need", "Дата следующей потребности", "date", 120),
    ("seasonality", "Сезонность", "text", "Пик с марта по июнь"),
    ("budget_month", "Когда верстают бюджет, тендеры", "text", "Ноябрь"),
    ("problems", "Проблемы и задачи компании", "text", "Простои из-за поздних поставок"),
    ("requirements", "Обязательные требования к поставщику", "text", "Сертификат на каждую партию"),
    (
        "buying_center",
        "Кто участвует: ЛПР, ЛВР, закупка, финансы, пользователи",
        "text",
        "Директор, снабжение, технолог",
    ),
    ("criteria", "Критерии выбора", "text", "Срок, потом цена"),
    ("approval_path", "Путь согласования и сроки", "text", "Снабжение, финансы, директор, до 10 дней"),
    ("limits", "Кто какую сумму подписывает", "text", "Снабжение до 500 тысяч"),
    ("contract_end", "Срок договора", "date", 300),
    ("payment_terms", "Условия и дисциплина оплаты", "text", "Постоплата 30 дней, платит вовремя"),
    ("champion", "Наш сторонник внутри", "text", "Главный технолог"),
    ("opponent", "Кто против и почему", "text", "Финансовый директор, просит отсрочку"),
    ("origin", "Как стал клиентом", "text", "С выставки «Металл-Экспо»"),
    ("promises", "Открытые обещания – наши и его", "text", "Прислать образцы к концу месяца"),
    ("complaints", "Рекламации и чем кончились", "text", "Одна, заменили партию"),
    ("growth_plan", "План развития клиента на год", "text", "Перевести лист к нам"),
]
"""Code, title, type, an invented value; of a date the days from now."""

CONTACT_FIELDS: list[tuple[str, str, FieldType, Any]] = [
    ("dm_name", "ФИО", "text", ""),
    ("dm_role", "Должность и за что отвечает", "text", "Директор по закупкам"),
    ("dm_path", "Сколько работает, откуда пришёл", "text", "Шестой год, из снабжения холдинга"),
    ("dm_kpi", "За что платят ему", "text", "Экономия и отсутствие простоев"),
    ("dm_pains", "Что мешает в работе, чего опасается", "text", "Срыв поставок в сезон"),
    ("dm_channel", "Как удобнее связываться", "text", "Телефон, потом мессенджер"),
    ("dm_time", "Когда удобно, часовой пояс", "text", "После одиннадцати, Москва"),
    ("dm_style", "Как общается и решает", "text", "Коротко, по цифрам"),
    ("dm_attitude", "Отношение к нам, 1–5, почему", "number", 4),
    ("dm_career", "Планы в карьере", "text", "Хочет в коммерческие директора"),
    ("dm_birthday", "День рождения", "text", "12.04"),
    ("dm_family", "Семья – что рассказывает сам", "text", "Двое сыновей"),
    ("dm_hobby", "Увлечения", "text", "Рыбалка"),
    ("dm_sport", "Спорт, команды", "text", "Хоккей"),
    ("dm_education", "Где учился", "text", "Бауманка"),
    ("dm_rest", "Как и когда отдыхает", "text", "Август, Карелия"),
    ("dm_food", "Где любит завтракать и ужинать", "text", "Завтраки у вокзала"),
    ("dm_dates", "Важные даты", "text", "Годовщина завода 5 октября"),
    ("nps", "Последняя оценка NPS, 0–10", "number", 9),
    ("gifts", "Подарки, мероприятия: что было, что нельзя", "text", "Подарки нельзя, приглашали на завод"),
]

RULE_FIELDS: list[tuple[CardKind, str, str, FieldType]] = [
    ("company", "segment", "Сегмент", "choice"),
    ("company", "strategic", "Стратегический клиент", "flag"),
    ("company", "quiet_until", "Не беспокоить до", "date"),
    ("contact", "segment", "Сегмент", "choice"),
    ("contact", "strategic", "Стратегический клиент", "flag"),
    ("contact", "quiet_until", "Не беспокоить до", "date"),
    ("deal", "delivery_date", "Дата поставки", "date"),
    ("deal", "invoice_due", "Срок оплаты счёта", "date"),
]
SEGMENTS = ["A", "B", "C"]


def define_fields(base: Base) -> None:
    """Make the custom fields of an invented portal."""
    for card, code, title, kind in RULE_FIELDS:
        base.define_field(card, code, title, kind, SEGMENTS if kind == "choice" else None, ours=False)
    for code, title, kind, _ in COMPANY_FIELDS:
        base.define_field("company", code, title, kind, ours=False)
    for code, title, kind, _ in CONTACT_FIELDS:
        base.define_field("contact", code, title, kind, ours=False)


def choice(base: Base, card: CardKind, code: str, text: str) -> int:
    """The id of a choice by its text."""
    choices = base.field_specs(card)[code].choices
    return next(key for key, value in choices.items() if value == text)


def company_dossier(count: int, title: str, today: date, dice: random.Random) -> dict[str, Any]:
    """The first `count` company fields filled, in the template's order."""
    return (
        _filled(COMPANY_FIELDS[:count], today)
        | ({"legal_name": f"ООО «{title}»"} if count else {})
        | ({"inn": invent_inn(dice)} if count > 1 else {})
    )


def contact_dossier(count: int, full_name: str, today: date) -> dict[str, Any]:
    """The first `count` contact fields filled, in the template's order."""
    return _filled(CONTACT_FIELDS[:count], today) | ({"dm_name": full_name} if count else {})


def _filled(rows: list[tuple[str, str, FieldType, Any]], today: date) -> dict[str, Any]:
    return {
        code: date.fromordinal(today.toordinal() + value) if kind == "date" else value for code, _, kind, value in rows
    }


def invent_inn(dice: random.Random) -> str:
    """A tax number of ten digits with a right control digit."""
    digits = [7, 7, *(dice.randrange(10) for _ in range(7))]
    control = sum(weight * digit for weight, digit in zip((2, 4, 10, 3, 5, 9, 4, 6, 8), digits, strict=True)) % 11 % 10
    return "".join(map(str, [*digits, control]))


def read_value(spec: FieldSpec, raw: Any) -> Any:
    """A value typed by hand or sent as JSON → what lies in `Card.fields`; empty text and None are None.

    Raises:
        ValueError: it does not fit the field's type.
    """
    if raw is None or raw == "":
        return None
    if spec.type == "number":
        number = float(raw)
        return int(number) if number.is_integer() else number
    if spec.type == "date":
        return datetime.fromisoformat(str(raw)).date()
    if spec.type == "flag":
        return raw in (True, 1, "1", "Y", "y", "true", "on", "да")
    if spec.type == "choice":
        for key, text in spec.choices.items():
            if str(raw) in (str(key), text):
                return key
        raise ValueError(f"{spec.code}: {raw!r} is not one of {', '.join(spec.choices.values())}")
    return str(raw)


def write_value(spec: FieldSpec, value: Any) -> str:
    """A value as a person reads it."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(write_value(spec, one) for one in value)
    if spec.type == "choice":
        return spec.choices.get(value, "")
    if spec.type == "flag":
        return "да" if value else "нет"
    return str(value)
