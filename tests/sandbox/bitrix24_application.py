"""A portal's application in tests: it calls methods with its token and listens at a handler of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import requests
from bitrix24_portal import OpenPortal, hear_posts

PATIENCE = 10


@dataclass(frozen=True)
class Listener:
    """A handler: its address, and the bodies it got as flat form keys."""

    url: str
    _bodies: list[str]
    _came: threading.Semaphore

    def wait(self, count: int = 1) -> list[dict[str, str]]:
        """The first `count` bodies, once they came."""
        for _ in range(count):
            assert self._came.acquire(timeout=PATIENCE), self._bodies
        return self.bodies()

    def bodies(self) -> list[dict[str, str]]:
        """All that came."""
        return [dict(parse_qsl(one, keep_blank_values=True)) for one in self._bodies]


@contextmanager
def listen(status: int = 200) -> Iterator[Listener]:
    """An address that takes events."""
    with hear_posts(status) as (url, bodies, came):
        yield Listener(url, bodies, came)


def as_application(portal: OpenPortal, method: str, access: str | None = None, /, **params: Any) -> requests.Response:
    """Call a method with a token; without one, with the first administrator's."""
    token = portal.config.credentials.access_token if access is None else access
    return portal.session.post(f"{portal.config.base_url}/rest/{method}", json={**params, "auth": token}, timeout=20)


def bind(portal: OpenPortal, event: str, handler: str, **params: Any) -> None:
    """`event.bind` that must succeed."""
    answer = as_application(portal, "event.bind", event=event, handler=handler, **params)
    assert answer.json().get("result") is True, answer.text


def told(answer: requests.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json().get("error", "")
