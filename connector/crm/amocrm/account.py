"""What an account is made of and changes rarely: pipelines, users, custom fields, task types, its zone."""

from __future__ import annotations

from typing import Any

from connector.crm.amocrm.api import Api, embedded
from connector.crm.amocrm.mapping import CARDS, PLURALS, TOUCH_TYPES, UNSORTED, semantic, stage_key
from connector.crm.port import Directory, FactKind, Stage, User
from connector.errors import Refused

SCORED = ("companies", "contacts")
"""Cards that carry the score: a client is one of them."""
SCORE_FIELDS: tuple[tuple[str, str, str, str], ...] = (
    ("KASANIE_FILL", "numeric", "Досье: заполнено, %", "Dossier: filled, %"),
    ("KASANIE_SCORE", "numeric", "Досье: оценка, %", "Dossier: score, %"),
    ("KASANIE_GAPS", "textarea", "Досье: чего не хватает", "Dossier: what is missing"),
)
"""Code, type, Russian and English name."""


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
        about = self._read_about()
        users = self._users()
        settings = (about.get("_embedded") or {}).get("datetime_settings") or about.get("datetime_settings") or {}
        return Directory(
            zone=str(settings.get("timezone") or "Europe/Moscow"),
            stages=tuple(self._stages()),
            users=users,
            fields={kind: tuple(sorted(self.field_names(kind))) for kind in CARDS.values()},
            account=str(about["id"]) if about.get("id") else None,
        )

    def touch_type(self) -> int | None:
        """The id of the task type «Касание», where an admin made one. Raises CrmError."""
        for row in embedded(self._read_about(), "task_types"):
            if str(row.get("name") or "").strip().lower() in TOUCH_TYPES:
                return int(row["id"])
        return None

    def field_names(self, kind: FactKind) -> frozenset[str]:
        """Custom fields of one kind of card, by id (as text) and by code. Raises CrmError."""
        if kind not in self._fields:
            rows = self._custom_fields(PLURALS[kind])
            names = [str(row[name]) for row in rows for name in ("id", "code") if row.get(name)]
            self._fields[kind] = frozenset(names)
        return self._fields[kind]

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
            there = {str(row.get("code")) for row in self._custom_fields(plural)}
            missing = [
                {"name": in_english if english else in_russian, "type": kind, "code": code, "is_api_only": True}
                for code, kind, in_russian, in_english in SCORE_FIELDS
                if code not in there
            ]
            if missing:
                self._api.write("POST", f"{plural}/custom_fields", missing, name=f"{plural}/custom_fields")
                self._fields.pop(CARDS[plural], None)

    def _read_about(self) -> dict[str, Any]:
        if self._about is None:
            params = [("with", "task_types,datetime_settings")]
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
        return stages


def _active(row: dict[str, Any]) -> bool:
    rights = row.get("rights")
    return not (isinstance(rights, dict) and rights.get("is_active") is False)
