"""Title and text of a task in the portal's language: what each placeholder says of this case.

Counts come with their word («15 дней»); what is not known is «нет данных». No personal dossier value is ever named:
of the dossier only titles of gaps, counts and the dates that rules count from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rules.calendar import Duration, Unit
from rules.dossier import next_questions
from rules.durations import say_duration
from rules.facts import Unknown
from rules.moments import Yearly, find
from rules.placeholders import fill, used
from rules.regulation import Phrase, Text
from rules.texts import Lang, day_text, plural, sentence, yearly_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rules.case import Case
    from rules.duty import Duty
    from rules.ledger import Asked
    from rules.occurrence import Occurrence

NAMED_GAPS: Final = 3
"""So many gaps of the dossier one text names (facts/domain.md, T22)."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a text is about."""

    duty: Duty
    occurrence: Occurrence
    row: Asked

    @property
    def case(self) -> Case:
        """The subject."""
        return self.duty.case

    @property
    def lang(self) -> Lang:
        """The portal's language."""
        return self.case.lang


def words_of(duty: Duty, occurrence: Occurrence, row: Asked) -> tuple[str, str]:
    """Title and text of an occurrence."""
    told = Told(duty, occurrence, row)
    return _filled(duty.rule.title, told), _filled(duty.rule.task.text, told)


def _filled(text: Text, told: Told) -> str:
    written = text.ru if told.lang == "ru" else text.en
    return fill(written, {name: value_of(name, told) for name in used(written)})


def value_of(name: str, told: Told) -> str:
    """What a placeholder says."""
    finder = _VALUES.get(name)
    value = finder(told) if finder is not None else _field(name, told)
    return _say(value, told) or sentence("no-data", told.lang)


def _say(value: Any, told: Told) -> str:
    if value is None or isinstance(value, Unknown):
        return ""
    if isinstance(value, datetime):
        return day_text(told.case.day_of(value), told.lang)
    if isinstance(value, date):
        return day_text(value, told.lang)
    if isinstance(value, Yearly):
        assert value.day is not None
        return yearly_text(value.month, value.day, told.lang)
    return str(value).strip()


def _days_since(moment: datetime | None, told: Told) -> str | None:
    if moment is None:
        return None
    return say_duration(_days((told.case.today - told.case.day_of(moment)).days), told.lang)


def _days(count: int) -> Duration:
    return Duration(Decimal(count), Unit.DAY)


def _last_touch(told: Told) -> datetime | None:
    return told.case.last_touch.at if told.case.last_touch is not None else None


def _last_meeting(told: Told) -> datetime | None:
    return told.case.last_meeting.at if told.case.last_meeting is not None else None


def _last_won(told: Told) -> datetime | None:
    return told.case.last_won[1] if isinstance(told.case.last_won, tuple) else None


def _last_won_title(told: Told) -> str | None:
    return told.case.last_won[0].title if isinstance(told.case.last_won, tuple) else None


def _latest(events: Any) -> Any:
    return max(events, key=lambda one: one.at, default=None) if isinstance(events, tuple) else None


def _registered(events: Any, attribute: str) -> Any:
    return getattr(_latest(events), attribute, None)


def _won_or_lost(phase: str) -> Callable[[Told], datetime | None]:
    def finder(told: Told) -> datetime | None:
        deal, entered = told.case.deal, told.case.phase_entered if told.case.deal is not None else None
        return entered if deal is not None and deal.phase == phase and isinstance(entered, datetime) else None

    return finder


def _phase_days(told: Told) -> str | None:
    entered = told.case.phase_entered if told.case.deal is not None else None
    return _days_since(entered, told) if isinstance(entered, datetime) else None


def _amount(told: Told) -> str | None:
    deal = told.case.deal
    if deal is None or deal.amount is None:
        return None
    number = f"{deal.amount:,.2f}".removesuffix(".00").replace(",", "\u00a0")
    return f"{number} {deal.currency}" if deal.currency else number


def _loss_reason(told: Told) -> str | None:
    reason = told.case.deal.loss_reason if told.case.deal is not None else None
    return sentence(f"loss-{reason}", told.lang) if isinstance(reason, str) else None


def _attempts(told: Told) -> str | None:
    forms = _ATTEMPTS[told.lang]
    return plural(told.case.attempts, forms, told.lang) if isinstance(told.case.attempts, int) else None


def _anniversary(told: Told) -> Yearly | None:
    found = find("client.anniversary", told.case)
    return found if isinstance(found, Yearly) else None


def _birthday(told: Told) -> Yearly | None:
    found = find("contact.birthday", told.case) if told.case.contact is not None else None
    return found if isinstance(found, Yearly) else None


def _feast(told: Told) -> str | None:
    for term in told.duty.rule.touch.due:
        if isinstance(term, Phrase) and term.anchor is not None and term.anchor.startswith("feast."):
            feast = told.case.regulation.feasts.get(term.anchor.removeprefix("feast."))
            return None if feast is None else feast.title.ru if told.lang == "ru" else feast.title.en
    return None


def _questions(told: Told, count: int) -> str | None:
    template = told.case.regulation.dossier
    if template is None:
        return None
    local = told.case.now.astimezone(told.case.snapshot.portal.zone)
    fields = next_questions(template, told.case.snapshot.client.dossier, local)[:count]
    return "; ".join(field.title.ru if told.lang == "ru" else field.title.en for field in fields) or None


def _counted(attribute: str, sign: str = "") -> Callable[[Told], str | None]:
    def finder(told: Told) -> str | None:
        score = told.case.dossier_score
        return None if score is None else f"{getattr(score, attribute)}{sign}"

    return finder


def _field(name: str, told: Told) -> Any:
    """A date field of the subject, its client or the dossier."""
    card, _, field = name.partition(".")
    client = told.case.snapshot.client
    if name == "client.quiet_until":
        return client.quiet_until
    if card == "dossier":
        known = client.dossier.get(field)
        return known.value if known is not None and isinstance(known.value, date) else None
    owner = {"deal": told.case.deal, "client": client, "contact": told.case.contact}.get(card)
    return owner.fields.get(field) if owner is not None else None


_ATTEMPTS: Final[Mapping[Lang, Mapping[str, str]]] = {
    "ru": {"one": "попытка", "few": "попытки", "many": "попыток", "other": "попытки"},
    "en": {"one": "attempt", "other": "attempts"},
}
_VALUES: Final[Mapping[str, Callable[[Told], Any]]] = {
    "client.name": lambda told: told.case.snapshot.client.name,
    "client.segment": lambda told: told.case.segment,
    "client.cycle": lambda told: say_duration(_days(told.case.cycle_days), told.lang),
    "client.next_group": lambda told: told.case.snapshot.client.next_group,
    "client.anniversary": _anniversary,
    "last_touch.date": _last_touch,
    "last_touch.days": lambda told: _days_since(_last_touch(told), told),
    "last_meeting.date": _last_meeting,
    "last_meeting.days": lambda told: _days_since(_last_meeting(told), told),
    "last_won.date": _last_won,
    "last_won.days": lambda told: _days_since(_last_won(told), told),
    "last_won.title": _last_won_title,
    "last_complaint.date": lambda told: _registered(told.case.snapshot.client.complaints, "at"),
    "last_nps.score": lambda told: _registered(told.case.snapshot.client.nps, "score"),
    "last_nps.date": lambda told: _registered(told.case.snapshot.client.nps, "at"),
    "dossier.next_question": lambda told: _questions(told, 1),
    "dossier.gaps": lambda told: _questions(told, NAMED_GAPS),
    "dossier.fill": _counted("fill", "\u00a0%"),
    "dossier.filled": _counted("filled"),
    "dossier.total": _counted("total"),
    "due.date": lambda told: told.row.promise_at,
    "step": lambda told: told.occurrence.step,
    "steps": lambda told: told.occurrence.steps,
    "deal.title": lambda told: told.case.deal.title if told.case.deal is not None else None,
    "deal.amount": _amount,
    "deal.created": lambda told: told.case.deal.created_at if told.case.deal is not None else None,
    "deal.won": _won_or_lost("won"),
    "deal.lost": _won_or_lost("lost"),
    "deal.loss_reason": _loss_reason,
    "phase.title": lambda told: told.case.deal.stage_title if told.case.deal is not None else None,
    "phase.days": _phase_days,
    "attempts": _attempts,
    "contact.name": lambda told: told.case.contact.name if told.case.contact is not None else None,
    "contact.birthday": _birthday,
    "feast.title": _feast,
}
