"""Values of a fact's body -> as rules compare them, whatever somebody typed into the CRM."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from connector.mapped_fields import field_value, moment

FAR = ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+03:00")
"""Moments that in UTC lie outside the years 1 to 9999."""


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ("2026-03-02", date(2026, 3, 2)),
        ("2026-02-30", "2026-02-30"),
        ("2026-03-02T10:00:00+03:00", datetime(2026, 3, 2, 7, 0, tzinfo=UTC)),
        (["1", 2], ("1", "2")),
        (1.5, Decimal("1.5")),
        (True, True),
        *((text, text) for text in FAR),
    ],
)
def test_a_value(found: Any, expected: Any) -> None:
    assert field_value(found) == expected


@pytest.mark.parametrize("text", [*FAR, "soon", "", None, 5])
def test_what_is_no_moment(text: Any) -> None:
    assert moment(text) is None
