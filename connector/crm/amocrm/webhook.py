"""amoCRM's webhooks: is it really our account, and whom should we look at again? Pure; nothing of a body is believed.

No signature exists (facts/amocrm.md 1.5): the secret last part of our address proves the sender, and the account id
has to be the connected one; bodies that lack the account's part tell it in their rows. Bodies come as PHP forms in the
format of API v2, a widget's of the digital pipeline also as JSON. What can change nothing that is judged rings no bell;
an order, an action or an entity we do not know rings one without a ref, which means "reconcile".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hmac import compare_digest
from typing import Any

from connector.crm.form import decode
from connector.crm.form import rows as rows_of
from connector.crm.port import Bell, Heard, HookSecrets, Ref
from connector.errors import NotGenuine, Unreadable

LARGEST = 512 * 1024
"""Bytes of one body (reliability.md, the table of bounds); a form has further bounds of its own."""

_CARD_OF_NUMBER = {"1": "contact", "2": "deal", "3": "company"}
"""`element_type` of tasks, notes and messages (facts/amocrm.md 1.3)."""
_CARD_OF_NAME = {
    "lead": "deal",
    "leads": "deal",
    "contact": "contact",
    "contacts": "contact",
    "company": "company",
    "companies": "company",
}
_NOT_ENTITIES = frozenset({"account", "account_id", "subdomain"})
_SILENT = frozenset({"catalogs", "add"})
"""Elements of lists, and reviews of message templates (which come without an entity): nothing we judge by."""
_WORDS = frozenset({"4", "5", "25"})
"""`note_type` of comments, files and service messages, our own among them: never a touch."""


def hear(raw: bytes, secrets: HookSecrets, path_secret: str | None) -> Heard:
    """Prove and read one POST (`connector.crm.port.Ear`).

    Raises NotGenuine when the path's secret is absent or wrong, or the body names another account; Unreadable when
    the secret is right and the body is cut, over a bound, or names no account at all.
    """
    _prove_secret(secrets, path_secret)
    body = _read(raw)
    _prove_account(body, secrets, raw)
    if not body.keys() - _NOT_ENTITIES:
        return Heard(bells=(Bell(None, "empty"),))
    return Heard(bells=tuple(dict.fromkeys(_bells(body))))


def _prove_secret(secrets: HookSecrets, path_secret: str | None) -> None:
    """Compared as bytes, in constant time: text with letters beyond ASCII would make `compare_digest` raise."""
    expected = secrets.path_secret.get_secret_value() if secrets.path_secret else ""
    given = path_secret or ""
    alike = compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))
    if not (expected and alike):
        raise NotGenuine("the path's secret is not ours")


def _prove_account(body: dict[str, Any], secrets: HookSecrets, raw: bytes) -> None:
    if secrets.account is None:
        return
    account = _text(_branch(body, "account").get("id")) or _text(body.get("account_id")) or _told_by_rows(body)
    if account is None:
        raise Unreadable("no account is named")
    known, named = secrets.account.encode(), account.encode("utf-8", "surrogatepass")
    if raw.endswith(named) and known.startswith(named) and known != named:
        raise Unreadable("the body is cut within the account's number")
    if not compare_digest(named, known):
        raise NotGenuine("another account")


def _told_by_rows(body: dict[str, Any]) -> str | None:
    """Older bodies and the review of a template have no account part, or one without an id."""
    for entity, actions in body.items():
        for part in rows_of(actions) if entity not in _NOT_ENTITIES else ():
            for row in (part, *rows_of(part)):
                if isinstance(row, dict) and (account := _text(row.get("account_id"))):
                    return account
    return None


def _read(raw: bytes) -> dict[str, Any]:
    if len(raw) > LARGEST:
        raise Unreadable("the body is over 512 KiB")
    if raw.lstrip()[:1] != b"{":
        return dict(decode(raw))
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is no JSON") from error
    if not isinstance(body, dict):
        raise Unreadable("the body is no object")
    return body


def _bells(body: dict[str, Any]) -> Iterator[Bell]:
    if "event" in body and "action" in body:
        yield _of_widget(body)
        return
    for entity, actions in body.items():
        if entity in _NOT_ENTITIES | _SILENT:
            continue
        if not isinstance(actions, dict) or not actions:
            yield Bell(None, _event(entity))
            continue
        for action, rows in actions.items():
            for row in _rows(rows):
                if not _is_silent(entity, action, row):
                    for ref in _refs(entity, action, row) or [None]:
                        yield Bell(ref, _event(f"{entity}[{action}]"))


def _of_widget(body: dict[str, Any]) -> Bell:
    """A widget's own block in the digital pipeline (`dp.webhook_url`)."""
    event = _branch(body, "event")
    about = _branch(event, "data")
    name = _event(f"dp[{_text(event.get('type_code')) or 'unknown'}]")
    return Bell(_ref(_CARD_OF_NUMBER.get(_text(about.get("element_type")) or "2"), about.get("id")), name)


def _is_silent(entity: str, action: str, row: dict[str, Any]) -> bool:
    """A comment changes nothing; a buyer's other news may be a purchase."""
    return action == "note" and (entity == "customers" or _text(_branch(row, "note").get("note_type")) in _WORDS)


def _refs(entity: str, action: str, row: dict[str, Any]) -> list[Ref | None]:
    """Whom one row of `entity[action]` concerns; an empty list: nobody we know."""
    if entity == "task":
        return [_ref("task", row.get("id"))]
    if entity == "unsorted":
        return _of_unsorted(row)
    if entity in ("message", "talk"):
        return [ref for ref in (_of_card(row), _ref("contact", row.get("contact_id"))) if ref]
    if action == "note":
        note = _branch(row, "note")
        kind = row.get("type") if entity == "contacts" else entity
        fallback = _ref(_CARD_OF_NAME.get(_text(kind) or ""), note.get("element_id"))
        return [_of_card(note) or fallback]
    if entity == "leads":
        return [_ref("deal", row.get("id"))]
    if entity == "contacts":  # companies come under `contacts` too, told by `type`
        return [_ref(_CARD_OF_NAME.get(_text(row.get("type")) or ""), row.get("id"))]
    if entity == "companies":
        return [_ref("company", row.get("id"))]
    return []


def _of_unsorted(row: dict[str, Any]) -> list[Ref | None]:
    """An incoming lead: `lead_id` or `data` names it while it waits; accepted or declined, a result does."""
    named = [
        (_CARD_OF_NAME[kind], one.get("id") if isinstance(one, dict) else one)
        for part in ("data", "accept_result", "decline_result")
        for kind in ("leads", "contacts")
        for one in rows_of(_branch(row, part).get(kind))
    ]
    found = [_ref(kind, number) for kind, number in (("deal", row.get("lead_id")), *named)]
    return list(dict.fromkeys(ref for ref in found if ref))


def _of_card(row: dict[str, Any]) -> Ref | None:
    """The card by `element_type`/`element_id`, or by `entity_type`/`entity_id`; both spellings are on the wire."""
    by_number = _ref(_CARD_OF_NUMBER.get(_text(row.get("element_type")) or ""), row.get("element_id"))
    return by_number or _ref(_CARD_OF_NAME.get(_text(row.get("entity_type")) or ""), row.get("entity_id"))


def _ref(kind: str | None, number: Any) -> Ref | None:
    text = _text(number)
    if kind is None or text is None or len(text) > 20 or not (text.isascii() and text.isdigit()) or int(text) == 0:
        return None
    return f"{kind}:{int(text)}"


def _rows(rows: Any) -> Iterator[dict[str, Any]]:
    """The rows of one action. The vendor's pages show bare ids (deletions) and a doubled index, too.

    Anything else is an empty row, which still rings.
    """
    for row in rows_of(rows) or [rows]:
        inner = rows_of(row)
        if isinstance(row, list) and inner:
            yield from (one if isinstance(one, dict) else {} for one in inner)
        else:
            yield row if isinstance(row, dict) else {"id": row}


def _branch(tree: Any, name: str) -> dict[str, Any]:
    """The named part if it is one; a scalar in its place (both are seen on the wire) counts as nothing."""
    part = tree.get(name) if isinstance(tree, dict) else None
    return part if isinstance(part, dict) else {}


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return str(value).strip() or None


def _event(name: str) -> str:
    """As a bell may carry it: lower case, printable, at most 64 characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in name.lower()[:64])
