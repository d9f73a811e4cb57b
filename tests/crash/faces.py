"""How each CRM takes several writes in one request: where they stand in it, and what is told of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from crash.wire import Fate

WRITES = re.compile(r"\.(?:add|update|complete|renew|delete)\?")


class Face(Protocol):
    """What a wire must know of the CRM behind it."""

    NOTHING: ClassVar[bytes]
    """The answer to a request of which nothing is carried out."""

    def commands(self, path: str, body: bytes) -> Mapping[str, Any]:
        """The writes of a request by a name each, in order; none where it is no batch of writes."""
        ...

    def part(self, body: bytes, carried: Collection[str]) -> bytes:
        """The request with only these writes."""
        ...

    def told(self, answer: bytes, fate: Fate) -> bytes:
        """The portal's answer as `fate` wants it told."""
        ...


class Bitrix24:
    """`batch`: named commands, each judged for itself (facts/bitrix24.md)."""

    NOTHING: ClassVar[bytes] = json.dumps(
        {"result": {"result": [], "result_error": [], "result_time": []}, "time": {}}
    ).encode()

    def commands(self, path: str, body: bytes) -> Mapping[str, Any]:  # the path is the method's name
        """The commands of a batch that writes."""
        if b'"cmd"' not in body:
            return {}
        commands: dict[str, str] = json.loads(body)["cmd"]
        return commands if any(WRITES.search(line) for line in commands.values()) else {}

    def part(self, body: bytes, carried: Collection[str]) -> bytes:
        """The batch without the other commands."""
        sent = json.loads(body)
        return json.dumps({**sent, "cmd": {key: line for key, line in sent["cmd"].items() if key in carried}}).encode()

    def told(self, answer: bytes, fate: Fate) -> bytes:
        """Some commands told as failed, or not at all."""
        if not fate.failed and not fate.untold:
            return answer
        told = json.loads(answer)
        for name in ("result", "result_error", "result_time"):
            part = told["result"].get(name) or {}
            told["result"][name] = {
                key: value for key, value in part.items() if key not in fate.untold and key not in fate.failed
            } or []
        errors = {key: {"error": code, "error_description": text} for key, (code, text) in fate.failed.items()}
        told["result"]["result_error"] = {**(told["result"]["result_error"] or {}), **errors} or []
        return json.dumps(told).encode()


class AmoCrm:
    """An array of one kind of cards; it has one answer, so nothing is told of a single member (facts/amocrm.md 2.1)."""

    NOTHING: ClassVar[bytes] = b'{"_links": {}, "_embedded": {}}'

    def commands(self, path: str, body: bytes) -> Mapping[str, Any]:
        """The members of an array, by their places."""
        if not path.startswith("/api/v4/") or not body.startswith(b"["):
            return {}
        return {str(place): member for place, member in enumerate(json.loads(body))}

    def part(self, body: bytes, carried: Collection[str]) -> bytes:
        """The array without the other members."""
        return json.dumps([member for place, member in enumerate(json.loads(body)) if str(place) in carried]).encode()

    def told(self, answer: bytes, fate: Fate) -> bytes:  # whole or lost, nothing between
        """The whole answer."""
        return answer


FACES: Mapping[str, Face] = {"bitrix24": Bitrix24(), "amocrm": AmoCrm()}
