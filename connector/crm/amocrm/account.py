"""What an account is made of and changes rarely: pipelines, users, custom fields, task types, its zone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from connector.crm.amocrm.api import Api, embedded
from connector.crm.amocrm.mapping import (
    CARDS,
    PLURALS,
    PRODUCTS,
    REQUISITE,
    TOUCH_TYPES,
    UNSORTED,
    semantic,
    stage_key,
)
from connector.crm.amocrm.proposals import OFFER_TYPES
from connector.crm.amocrm.values import LEGAL_ENTITY, LEGAL_PARTS
from connector.crm.facts import PURCHASE_STAGE
from connector.crm.port import Directory, FactKind, Stage, User
from connector.errors import Refused

SCORED = ("companies", "contacts", "leads")
"""Cards that carry the score: a client is one of them; a lead with neither company nor contact is its own client."""
SCORE_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("KASANIE_FILL", "numeric", "Досье: заполнено, %", "Dossier: filled, %"),
    ("KASANIE_SCORE", "numeric", "Досье: оценка, %", "Dossier: score, %"),
    ("KASANIE_GAPS", "textarea", "Досье: чего не хватает", "Dossier: what is missing"),
)
"""Code, type, Russian and English name."""
WITH_BUYERS = frozenset({"segments", "periodicity"})
"""Values of `customers_mode` with which customers and their purchases may be read (facts/amocrm.md 3.2, 4.6)."""


class Account:
    """Reads the account's own words, each once, until `directory` reads them anew."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._about: dict[str, Any] | None = None
        self._fields: dict[FactKind, frozenset[str]] = {}
        self._names: dict[str, str] | None = None

    def directory(self) -> Directory:
        """Everything, read anew. Raises CrmError."""
        self._about, self._names = None, None
        self._fields.clear()
        about = self.about()
        users = self._users()
        settings = (about.get("_embedded") or {}).get("datetime_settings") or about.get("datetime_settings") or {}
        return Directory(
            zone=str(settings.get("timezone") or "Europe/Moscow"),
            stages=tuple(self._stages()),
            users=users,
            fields={kind: tuple(sorted(self._places(kind))) for kind in CARDS.values()},
            account=str(about["id"]) if about.get("id") else None,
        )

    def touch_type(self) -> int | None:
        """The id of the task type «Касание», where an admin made one. Raises CrmError."""
        return self._type_named(TOUCH_TYPES)

    def offer_type(self) -> int | None:
        """The id of the task type «Предложение», where an admin made one. Raises CrmError."""
        return self._type_named(OFFER_TYPES)

    def own_types(self) -> frozenset[int]:
        """Both of them, as far as there are any. Raises CrmError."""
        return frozenset(number for number in (self.touch_type(), self.offer_type()) if number is not None)

    def _type_named(self, names: Collection[str]) -> int | None:
        rows = embedded(self.about(), "task_types")
        return next((int(row["id"]) for row in rows if str(row.get("name") or "").strip().lower() in names), None)

    def forget(self) -> None:
        """Read the account's own words anew when they are needed next."""
        self._about = None

    def filters_cards(self) -> bool:
        """Whether the account pays for filters of leads, contacts and companies. Raises CrmError."""
        return self.about().get("is_api_filter_enabled") is True

    def keeps_buyers(self) -> bool:
        """Whether the account keeps repeat sales as purchases of customers. Raises CrmError."""
        return self.about().get("customers_mode") in WITH_BUYERS

    def field_names(self, kind: FactKind) -> frozenset[str]:
        """Custom fields of one kind of card, by id (as text) and by code; parts of a firm's. Raises CrmError."""
        if kind not in self._fields:
            rows = self._custom_fields(PLURALS[kind])
            names = {str(row[name]) for row in rows for name in ("id", "code") if row.get(name)}
            if any(row.get("type") == LEGAL_ENTITY for row in rows):
                names |= {f"{REQUISITE}{part}" for part in LEGAL_PARTS}
            self._fields[kind] = frozenset(names)
        return self._fields[kind]

    def _places(self, kind: FactKind) -> frozenset[str]:
        """Everything that a portal's map may name of a card."""
        return self.field_names(kind) | ({PRODUCTS} if kind == "deal" else set())

    def user_name(self, number: str | None) -> str:
        """How a user is called; the id where he is not known or only admins may ask. Raises CrmError."""
        if self._names is None:
            try:
                self._names = {user.id: user.name for user in self._users()}
            except Refused:
                self._names = {}
        return self._names.get(number or "", number or "")

    def prepare(self) -> None:
        """Create the score fields that are missing. Raises CrmError.

        `is_api_only`: people see them and only the API edits them.
        """
        english = self._api.speaks_english
        for plural in SCORED:
            missing = [
                {"name": in_english if english else in_russian, "type": kind, "code": code, "is_api_only": True}
                for code, kind, in_russian, in_english in self._missing(plural)
            ]
            if missing:
                self._api.write("POST", f"{plural}/custom_fields", missing, name=f"{plural}/custom_fields")
                self._fields.pop(CARDS[plural], None)

    def missing_fields(self) -> tuple[str, ...]:
        """The score fields that one of the cards lacks. Raises CrmError."""
        return tuple(dict.fromkeys(code for plural in SCORED for code, *_ in self._missing(plural)))

    def _missing(self, plural: str) -> list[tuple[str, str, str, str]]:
        there = {str(row.get("code")) for row in self._custom_fields(plural)}
        return [one for one in SCORE_FIELDS if one[0] not in there]

    def about(self) -> dict[str, Any]:
        """What the account says of itself, read once. Raises CrmError."""
        if self._about is None:
            params = [("with", "task_types,datetime_settings,is_api_filter_enabled")]
            self._about = self._api.get("account", params, name="account") or {}
        return self._about

    def _custom_fields(self, plural: str) -> list[dict[str, Any]]:
        path = f"{plural}/custom_fields"
        return [row for rows in self._api.rows(path, "custom_fields", name=path) for row in rows]

    def _users(self) -> tuple[User, ...]:
        rows = [row for page in self._api.rows("users", "users", name="users") for row in page]
        return tuple(
            User(id=str(row["id"]), name=str(row.get("name") or row["id"]), active=_active(row)) for row in rows
        )

    def _stages(self) -> list[Stage]:
        """Every column, the one of incoming leads included: the map says whether they count."""
        body = self._api.get("leads/pipelines", name="leads/pipelines")
        stages = []
        for pipeline in embedded(body, "pipelines"):
            for row in embedded(pipeline, "statuses"):
                if row.get("type") == UNSORTED and pipeline.get("is_unsorted_on") is False:
                    continue
                stage = Stage(
                    key=stage_key(pipeline["id"], row["id"]),
                    pipeline=str(pipeline["id"]),
                    title=str(row.get("name") or ""),
                    pipeline_title=str(pipeline.get("name") or ""),
                    semantic=semantic(row["id"]),
                    sort=int(row.get("sort") or 0),
                )
                stages.append(stage)
        return [*stages, *self._purchases()]

    def _purchases(self) -> Iterator[Stage]:
        """A map that names it says that purchases are sales."""
        if self.keeps_buyers():
            pipeline, title = ("Customers", "Purchase") if self._api.speaks_english else ("Покупатели", "Покупка")
            yield Stage(
                key=PURCHASE_STAGE,
                pipeline=PURCHASE_STAGE.partition(":")[0],
                title=title,
                pipeline_title=pipeline,
                semantic="won",
                sort=0,
            )


def _active(row: dict[str, Any]) -> bool:
    rights = row.get("rights")
    return not (isinstance(rights, dict) and rights.get("is_active") is False)
