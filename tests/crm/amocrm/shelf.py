"""Rows of an amoCRM account on a shelf, served in pages by a canned server, and our adapter on it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from connector.crm.amocrm.adapter import AmoCrm
from connector.crm.port import Connection, Fact, Pacer, Page, Wanted
from crm.canned import Asked, Canned, CannedServer, FreePacer

NOW = 1_760_000_000
OLD = NOW - 10_000


class Shelf:
    """Rows by path, in pages; the filters of cards are silently ignored, as without the paid option."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, Any]]] = {}
        self.one: dict[str, dict[str, Any]] = {}
        self.forgets_next = False
        self.filters_cards = False
        """The paid option."""
        self.keeps_order = False
        self.asked: list[str] = []
        self.queries: list[tuple[str, dict[str, list[str]]]] = []

    def answer(self, asked: Asked) -> Canned:
        parts = urlsplit(asked.path)
        path, query = parts.path.removeprefix("/api/v4/"), parse_qs(parts.query)
        self.asked.append(path)
        self.queries.append((path, query))
        if path in self.one:
            return Canned(self.one[path])
        page, limit = int(query.get("page", ["1"])[0]), int(query.get("limit", ["50"])[0])
        rows = self.lists.get(path, [])
        if path in ("events", "tasks") or path.endswith(("/notes", "/elements", "/transactions")) or self.filters_cards:
            rows = [row for row in rows if _passes(row, query)]
        for name in ("id", "updated_at"):
            if order := query.get(f"order[{name}]"):
                rows = sorted(rows, key=lambda row: row[name], reverse=order == ["desc"]) if self.keeps_order else rows
        shown = rows[(page - 1) * limit : page * limit]
        if not shown:
            return Canned(b"", 204)
        links = {} if self.forgets_next or page * limit >= len(rows) else {"next": {"href": "https://elsewhere.test/"}}
        return Canned({"_links": links, "_embedded": {path.rsplit("/", 1)[-1]: shown}})


def _passes(row: dict[str, Any], query: dict[str, list[str]]) -> bool:
    """Ids and a span of time, as far as they are asked for."""
    at = int(row.get("updated_at") or row.get("created_at") or 0)
    ids = query.get("filter[id][]")
    begin = max((int(values[0]) for key, values in query.items() if key.endswith("[from]")), default=0)
    end = min((int(values[0]) for key, values in query.items() if key.endswith("[to]")), default=at)
    return (ids is None or str(row["id"]) in ids) and begin <= at <= end


def open_crm(server: CannedServer, wanted: Wanted | None = None, pacer: Pacer | None = None) -> AmoCrm:
    connection = Connection(
        portal="romashka", url=SecretStr(server.url), token=SecretStr("t"), read_timeout=2, wanted=wanted or Wanted()
    )
    return AmoCrm(connection, pacer or FreePacer())


def lead(number: int, updated: int, created: int = OLD, status: int = 11) -> dict[str, Any]:
    row = {"id": number, "name": f"L{number}", "price": 1, "pipeline_id": 5, "status_id": status}
    return {**row, "created_at": created, "updated_at": updated, "custom_fields_values": None, "_embedded": {}}


def firm(number: int, updated: int) -> dict[str, Any]:
    return {"id": number, "name": f"C{number}", "created_at": OLD, "updated_at": updated, "custom_fields_values": None}


def event(name: str, of: int, at: int, kind: str = "lead", **values: list[Any]) -> dict[str, Any]:
    return {
        "id": f"01.{name}.{of}.{at}",
        "type": name,
        "entity_id": of,
        "entity_type": kind,
        "created_at": at,
        "created_by": 9,
        **values,
    }


def moved(of: int, at: int, before: int, after: int) -> dict[str, Any]:
    def status(number: int) -> list[dict[str, Any]]:
        return [{"lead_status": {"id": number, "pipeline_id": 5}}]

    return event("lead_status_changed", of, at, value_before=status(before), value_after=status(after))


def pull(
    crm: AmoCrm, cursors: dict[str, str] | None = None, *named: str
) -> tuple[dict[str, Fact], dict[str, str], set[str]]:
    pages: list[Page] = list(crm.pull(cursors or {}, named))
    facts = {fact.ref: fact for page in pages for fact in page.facts}
    moved_on = {name: cursor for page in pages for name, cursor in page.cursors.items()}
    return facts, {**(cursors or {}), **moved_on}, {ref for page in pages for ref in page.answered}
