"""Texts and moments as Bitrix24 takes them: nothing of ours is read as a tag, a reference or somebody's local time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

TITLE_LIMIT: Final = 250

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def clean(text: str) -> str:
    """Text for a BBCode field: no control characters, and no bracket that could begin a tag."""
    return inert(_CONTROL.sub("", text)).replace("[", "[\u200b")


def inert(text: str) -> str:
    """Text that a batch does not take for a reference to another command's answer."""
    return text.replace("$result", "$\u200bresult")


def one_line(text: str) -> str:
    """A title: one line, of a length that every list shows."""
    return inert(" ".join(_CONTROL.sub(" ", text).split()))[:TITLE_LIMIT]


def deadline(due: datetime | None, zone: ZoneInfo) -> str:
    """With an explicit offset: a naive value would be read in somebody's zone. Empty: no deadline."""
    return due.astimezone(zone).isoformat(timespec="seconds") if due else ""
