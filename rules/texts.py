"""Every sentence of the core in Russian and English. `{name}` is filled in; counts come with their word.

The sentences lie in `rules/sentences/`; plural forms come from babel, read once at import.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from babel import Locale

from rules.sentences import dossier, problems, reasons, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

Lang = Literal["ru", "en"]
LANGS: Final[tuple[Lang, ...]] = ("ru", "en")

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    **problems.SENTENCES,
    **reasons.SENTENCES,
    **dossier.SENTENCES,
    **settings.SENTENCES,
}
_PLURAL: Final = {lang: Locale.parse(lang).plural_form for lang in LANGS}
_SLOT: Final = re.compile(r"\{([a-z_]+)\}")


def sentence(code: str, lang: Lang, **given: str) -> str:
    """The sentence of this code, its slots filled; a value is never read as a slot. Raises KeyError for a new code."""
    return _SLOT.sub(lambda slot: given.get(slot[1], slot[0]), SENTENCES[code][LANGS.index(lang)])


def plural(number: int, forms: Mapping[str, str], lang: Lang) -> str:
    """`21 день`, `3 дня`: the number with the form of babel's plural category (`one`, `few`, `many`, `other`)."""
    category = _PLURAL[lang](abs(number))
    return f"{number} {forms.get(category, forms['other'])}"


def day_text(day: date, lang: Lang) -> str:
    """`02.03.2026` in Russian, `2 March 2026` in English."""
    return day.strftime("%d.%m.%Y") if lang == "ru" else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def yearly_text(month: int, day: int, lang: Lang) -> str:
    """A day without its year: `02.03` in Russian, `2 March` in English."""
    return f"{day:02}.{month:02}" if lang == "ru" else f"{day} {_MONTHS[month - 1]}"


def moment_text(moment: datetime, zone: ZoneInfo, lang: Lang) -> str:
    """A day with hours and minutes, in the reader's zone."""
    local = moment.astimezone(zone)
    return f"{day_text(local.date(), lang)} {local:%H:%M}"


_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
