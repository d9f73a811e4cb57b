"""The score of a client's dossier: fill, weighted score, gaps, what is out of date, and the next question.

The percentage of the book is unweighted: 15 of 50 fields are 30 %. The weighted score is a second number and never
replaces it. Unreadable fields are not empty ones: they are shown and left out of both numbers.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

from rules.assessment import DossierScore
from rules.calendar import add_months
from rules.facts import UNKNOWN, DossierField
from rules.template import Field, Section, Template, read_dossier
from rules.texts import Lang, sentence
from rules.values import Judged, as_date, judge_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rules.regulation import Text

__all__ = [
    "Field",
    "Judged",
    "Section",
    "Template",
    "changes_at",
    "judge_value",
    "next_questions",
    "read_dossier",
    "score",
]

LONGEST_GAPS_TEXT: Final = 250
"""Characters; a text field of the client's card shows about this much."""

Standing = Literal["filled", "expired", "empty", "unreadable"]


def score(template: Template, dossier: Mapping[str, DossierField], now: datetime, lang: Lang) -> DossierScore:
    """Score one client's dossier; `now` in the portal's zone, so that its day is the portal's.

    A field of the template that `dossier` does not hold is empty. `total` counts the readable fields; 0 means that
    nothing could be read: then there is no percentage to show.
    """
    standing = {field.id: _standing(field, dossier.get(field.id), now) for field in template.fields}
    readable = [field for field in template.fields if standing[field.id] != "unreadable"]
    filled = [field for field in readable if standing[field.id] in ("filled", "expired")]
    gaps = _ids(template, standing, "empty")
    full = not gaps
    fill = _percent(Fraction(len(filled), len(readable) or 1), bool(filled), full=full)
    weighted = _percent(_weighted(template, readable, filled), bool(filled), full=full)
    text = _gaps_text(template, standing, lang)
    questions = next_questions(template, dossier, now)
    return DossierScore(
        fill=fill,
        weighted=weighted,
        filled=len(filled),
        total=len(readable),
        gaps=gaps,
        expired=_ids(template, standing, "expired"),
        unreadable=_ids(template, standing, "unreadable"),
        next_question=_title(questions[0].title, lang) if questions else None,
        gaps_text=text,
        template=f"{template.name}/{template.version}",
        digest=hashlib.sha256(f"{fill}\n{weighted}\n{text}".encode()).hexdigest()[:16],
    )


def next_questions(
    template: Template, dossier: Mapping[str, DossierField], now: datetime, *, face_to_face: bool = False
) -> tuple[Field, ...]:
    """Empty and expired fields worth asking now, the most valuable first.

    Fields of a section that opens after another (a person after his work) come only face to face, and only once that
    other section is half full.
    """
    standing = {field.id: _standing(field, dossier.get(field.id), now) for field in template.fields}
    closed = {
        section.id
        for section in template.sections
        if section.opens_after is not None
        and not (face_to_face and _half_full(template, section.opens_after, standing))
    }
    return tuple(
        field
        for field in template.by_value
        if standing[field.id] in ("empty", "expired") and field.section not in closed
    )


def changes_at(template: Template, dossier: Mapping[str, DossierField], now: datetime) -> datetime | None:
    """The earliest moment after `now` at which time alone changes the score: a field expires, a date passes."""
    moments = (moment for field in template.fields for moment in _turns(field, dossier.get(field.id), now))
    return min((moment for moment in moments if moment > now), default=None)


def _standing(field: Field, known: DossierField | None, now: datetime) -> Standing:
    if known is None:
        return "empty"
    if known.filled is UNKNOWN:
        return "unreadable"
    if not known.filled:
        return "empty"
    if any(moment <= now for moment in _turns(field, known, now)):
        return "empty" if field.check == "future_date" else "expired"
    return "filled"


def _turns(field: Field, known: DossierField | None, now: datetime) -> Iterator[datetime]:
    """When this filled field stops being what it is: its date has passed, or its value is too old."""
    if known is None or known.filled is not True:
        return
    day = as_date(known.value) if field.check == "future_date" else None
    if day is not None and day.year < 9990:
        yield datetime.combine(day + timedelta(days=1), datetime.min.time(), now.tzinfo or UTC)
    elif field.stale_months is not None and known.since is not None:
        yield datetime.combine(add_months(known.since.date(), field.stale_months), known.since.timetz())


def _ids(template: Template, standing: Mapping[str, Standing], wanted: Standing) -> tuple[str, ...]:
    """Ids of the fields that stand so, the most valuable first."""
    return tuple(field.id for field in template.by_value if standing[field.id] == wanted)


def _half_full(template: Template, section: str, standing: Mapping[str, Standing]) -> bool:
    fields = [standing[field.id] for field in template.fields if field.section == section]
    return 2 * sum(state in ("filled", "expired") for state in fields) >= len(fields)


def _weighted(template: Template, readable: list[Field], filled: list[Field]) -> Fraction:
    """Sum over sections of weight times its filled share by field weights; unreadable sections drop out."""
    reached = possible = Fraction(0)
    for section in template.sections:
        whole = sum(field.weight for field in readable if field.section == section.id)
        if whole:
            possible += section.weight
            reached += section.weight * Fraction(
                sum(field.weight for field in filled if field.section == section.id), whole
            )
    return reached / possible if possible else reached


def _percent(share: Fraction, anything: bool, *, full: bool) -> int:
    """Whole percent, half up; never 100 below full, nor 0 above empty."""
    percent = int(share * 100 + Fraction(1, 2))
    if full or not anything:
        return percent
    return min(max(percent, 1), 99)


def _title(title: Text, lang: Lang) -> str:
    return title.ru if lang == "ru" else title.en


def _gaps_text(template: Template, standing: Mapping[str, Standing], lang: Lang) -> str:
    """What is missing, for the client's card: the most valuable gaps as far as they fit, then how many more."""
    titles = {field.id: _title(field.title, lang) for field in template.fields}
    gaps = _ids(template, standing, "empty")
    expired = _ids(template, standing, "expired")
    unreadable = _ids(template, standing, "unreadable")
    total = len(template.fields) - len(unreadable)
    ends = [sentence("dossier-no-access", lang, count=str(len(unreadable)))] if unreadable else []
    if expired:
        ends.insert(0, sentence("dossier-expired", lang, names=titles[expired[0]], count=str(len(expired))))
    if not gaps:
        whole = [sentence("dossier-full", lang)] if total and not expired else []
        return " ".join((*whole, *ends))
    head = sentence("dossier-missing", lang, count=str(len(gaps)), total=str(total)) + " "
    room = LONGEST_GAPS_TEXT - len(head) - sum(len(end) + 1 for end in ends)
    listed = ""
    for place, gap in enumerate(gaps):
        more = len(gaps) - place - 1
        tail = sentence("dossier-more", lang, count=str(more)) if more else "."
        longer = f"{listed}; {titles[gap]}" if listed else titles[gap]
        if len(longer) + len(tail) > room and listed:
            break
        listed, closing = longer, tail
    return " ".join((head + listed + closing, *ends))
