"""The one HTTP session to CRMs: time limits, pacing, redaction, and "will a retry help?" for every failure.

`requests` and `tenacity` live here only. Redirects are never followed. Reads are retried here, writes never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from connector.crm.port import Pacer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer that arrived whole. Its meaning is the adapter's business: both CRMs reuse statuses."""

    status: int
    headers: Mapping[str, str]
    """Keys in lower case."""
    json: Any
    """The parsed body; None when empty (amoCRM's 204)."""
    is_json: bool
    """False: HTML or garbage; `json` is None then."""


class Session:
    """Calls of one portal.

    `call` makes exactly one request, after `pacer.wait_turn()`. It raises NotSent when the request surely never
    reached the CRM and Ambiguous when it may have; what the answer means is for the caller to judge.
    """

    def __init__(
        self, portal: str, pacer: Pacer, *, read_timeout: float, headers: Mapping[str, str] | None = None
    ) -> None:
        raise NotImplementedError

    def call(
        self,
        verb: str,
        url: str,
        *,
        name: str,
        json: Any = None,
        params: Any = None,
        read_timeout: float | None = None,
    ) -> Reply:
        """One request; `name` is what logs and errors call it (never the URL)."""
        raise NotImplementedError


def patiently(read: Callable[[], T]) -> T:
    """Run a *read* again, with growing pauses, while its CrmError says that a retry can help."""
    raise NotImplementedError
