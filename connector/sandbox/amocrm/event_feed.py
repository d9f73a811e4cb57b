"""`GET /api/v4/events`: pages of at most 100, with amoCRM's filters and their oddities (facts/amocrm.md 5.6)."""

from __future__ import annotations

import re
from typing import Any

from flask import Response

from connector.sandbox.amocrm.account import KIND_OF, Account, moment_of, unix
from connector.sandbox.amocrm.answers import hal, nothing, page_of, whole_list
from connector.sandbox.amocrm.events import Event, EventLog
from connector.sandbox.amocrm.face import Face, asked_query
from connector.sandbox.amocrm.problems import bad_request
from connector.sandbox.amocrm.query import Query

LARGEST = 100
MOST_IDS = 10
PATHS = {"lead": "leads", "contact": "contacts", "company": "companies", "task": "tasks", "customer": "customers"}
TYPES = {
    "lead_added": "Новая сделка",
    "lead_deleted": "Сделка удалена",
    "lead_restored": "Сделка восстановлена",
    "lead_status_changed": "Изменение этапа продажи",
    "lead_linked": "Прикрепление сделки",
    "lead_unlinked": "Открепление сделки",
    "contact_added": "Новый контакт",
    "contact_deleted": "Контакт удален",
    "contact_restored": "Контакт восстановлен",
    "contact_linked": "Прикрепление контакта",
    "contact_unlinked": "Открепление контакта",
    "company_added": "Новая компания",
    "company_deleted": "Компания удалена",
    "company_restored": "Компания восстановлена",
    "company_linked": "Прикрепление компании",
    "company_unlinked": "Открепление компании",
    "customer_added": "Новый покупатель",
    "customer_deleted": "Покупатель удален",
    "transaction_added": "Добавлена покупка",
    "customer_status_changed": "Изменение статуса покупателя",
    "task_added": "Новая задача",
    "task_deleted": "Задача удалена",
    "task_completed": "Завершение задачи",
    "task_type_changed": "Изменение типа задачи",
    "task_text_changed": "Изменение текста задачи",
    "task_deadline_changed": "Изменение даты исполнения задачи",
    "task_result_added": "Результат по задаче",
    "incoming_call": "Входящий звонок",
    "outgoing_call": "Исходящий звонок",
    "incoming_chat_message": "Входящее сообщение",
    "outgoing_chat_message": "Исходящее сообщение",
    "robot_replied": "Ответ робота",
    "entity_merged": "Выполнено объединение",
    "entity_tag_added": "Теги добавлены",
    "entity_tag_deleted": "Теги убраны",
    "sale_field_changed": "Изменение поля «Бюджет»",
    "name_field_changed": "Изменение поля «Название»",
    "custom_field_value_changed": "Изменение поля",
    "entity_responsible_changed": "Ответственный изменен",
    "common_note_added": "Новое примечание",
    "service_note_added": "Новое системное примечание",
}
"""The types of events that the sandbox tells, as amoCRM calls them; amoCRM has some more."""
_ONE_FIELD = re.compile(r"^custom_field_(\d+)_value_changed$")
_CHATS = ("incoming_chat_message", "outgoing_chat_message")


def add_events(face: Face) -> None:
    """Hang up the calls that read events."""
    feed = _Feed(face.account)
    face.on("GET", "events", feed.several)
    face.on("GET", "events/types", feed.types)
    face.on("GET", "events/<string:name>", feed.one)


class _Feed:
    def __init__(self, account: Account) -> None:
        self._account = account
        self._log = EventLog(account)

    def several(self) -> Response:
        """A page of events, newest first."""
        query = asked_query()
        wanted = _Wanted(query)
        with self._account.base.lock:
            recent = self._log.newest_first(wanted.since)
            found = [event for event in recent if self._told(event) and wanted.takes(event)]
            named = query.wanted()
            return page_of(
                self._account, query, "events", found, lambda event: self._shown(event, named), largest=LARGEST
            )

    def one(self, name: str) -> Response:
        """One event by its id."""
        with self._account.base.lock:
            found = next((event for event in self._log.newest_first() if event.id == name), None)
            return hal(self._shown(found, asked_query().wanted())) if found else nothing()

    def types(self) -> Response:
        """The types that are told here, as `filter[type]` takes them."""
        rows = [{"key": key, "type": number, "lang": words} for number, (key, words) in enumerate(TYPES.items(), 1)]
        return whole_list(self._account, "events/types", "events_types", rows)

    def _told(self, event: Event) -> bool:
        """A switch of the sandbox takes chats away, as in an account without them."""
        return event.type not in _CHATS or self._account.says("chats")

    def _shown(self, event: Event, named: set[str]) -> dict[str, Any]:
        entity, of = event.entity, event.of
        deal = self._account.base.deals.get(of) if entity == "lead" else None
        if event.type in _CHATS and deal is not None and deal.deleted and event.contact:
            entity, of = "contact", event.contact
        linked = {"linked_talk_contact_id": event.contact} if event.contact and entity == "lead" else {}
        return {
            "id": event.id,
            "type": event.type,
            "entity_id": of,
            "entity_type": entity,
            "created_by": event.by,
            "created_at": unix(event.at),
            "value_after": event.after,
            "value_before": event.before,
            "account_id": self._account.id,
            **linked,
            "_links": self._account.link(f"events/{event.id}"),
            "_embedded": {
                "entity": {
                    "id": of,
                    **self._name(entity, of, named),
                    "_links": self._account.link(f"{PATHS[entity]}/{of}"),
                }
            },
        }

    def _name(self, entity: str, of: int, named: set[str]) -> dict[str, str]:
        """The card's name where `with=lead_name` (`contact_name`, …) asks for it."""
        kind = KIND_OF.get(PATHS[entity])
        if kind is None or f"{entity}_name" not in named:
            return {}
        return {"name": self._account.pile(kind)[of].title}


class _Wanted:
    """The filters of one request.

    Raises:
        Problem: 400, one that amoCRM refuses.
    """

    def __init__(self, query: Query) -> None:
        self._types = query.many("filter", "type")
        self._entities = query.many("filter", "entity")
        self._ids = query.ids("filter", "entity_id")
        self._by = query.ids("filter", "created_by")
        self._names = query.many("filter", "id")
        begin, end = query.span("filter", "created_at") or (None, None)
        self.since = moment_of(begin) if begin else None
        self._until = moment_of(end + 1) if end else None
        self._after = query.pairs_at("filter", "value_after", "leads_statuses")
        self._before = query.pairs_at("filter", "value_before", "leads_statuses")
        if self._ids is not None and len(self._entities or ()) != 1:
            raise bad_request("filter[entity_id] needs filter[entity] with exactly one entity")
        for name, numbers in (("entity_id", self._ids), ("created_by", self._by)):
            if numbers is not None and len(numbers) > MOST_IDS:
                raise bad_request(f"filter[{name}] takes at most {MOST_IDS} ids")
        matches = [_ONE_FIELD.match(name) for name in self._types or ()]
        self._field = next((int(one[1]) for one in matches if one), None)
        if len(matches) > 1 and self._field is not None:
            raise bad_request("the type of one field can not be combined with other types")

    def takes(self, event: Event) -> bool:
        """Whether an event passes."""
        return (
            (self._types is None or self._is_type(event))
            and (self._until is None or event.at < self._until)
            and (self._names is None or event.id in self._names)
            and (self._by is None or event.by in self._by)
            and self._takes_entity(event)
            and _has_status(event.after, self._after)
            and _has_status(event.before, self._before)
        )

    def _is_type(self, event: Event) -> bool:
        if self._field is None:
            return event.type in (self._types or ())
        values = event.after or event.before
        of_field = event.type == "custom_field_value_changed" and values
        return bool(of_field and values[0]["custom_field_value"]["field_id"] == self._field)

    def _takes_entity(self, event: Event) -> bool:
        """Chats are found by their contact, although they are told of the lead."""
        entity, of = event.entity, event.of
        if event.type in _CHATS and event.contact:
            entity, of = "contact", event.contact
        return (self._entities is None or entity in self._entities) and (self._ids is None or of in self._ids)


def _has_status(values: list[dict[str, Any]], asked: list[dict[str, str]]) -> bool:
    if not asked:
        return True
    statuses = [value["lead_status"] for value in values if "lead_status" in value]
    return any(
        str(status["id"]) == pair.get("status_id") and str(status["pipeline_id"]) == pair.get("pipeline_id")
        for status in statuses
        for pair in asked
    )
