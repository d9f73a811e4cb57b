"""Why, why not, and when next: reasons rendered for people in Russian and English."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rules.calendar import Duration
from rules.durations import say_duration
from rules.facts import UNKNOWN
from rules.texts import LANGS, SENTENCES, Lang, day_text, moment_text, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    from rules.assessment import Assessment, Reason, Verdict
    from rules.regulation import Regulation

_FAILED = ("skipped", "unknown")


def explain(assessment: Assessment, regulation: Regulation, zone: ZoneInfo, lang: Lang) -> str:
    """The whole assessment: a paragraph per rule and subject, then when time changes something next."""
    parts = [explain_verdict(verdict, regulation, zone, lang) for verdict in assessment.verdicts]
    if assessment.recheck_at is None:
        parts.append(sentence("no-next-look", lang))
    else:
        parts.append(sentence("next-look", lang, moment=moment_text(assessment.recheck_at, zone, lang)))
    return "\n\n".join(parts)


def explain_verdict(verdict: Verdict, regulation: Regulation, zone: ZoneInfo, lang: Lang) -> str:
    """`Title (rule, subject): verdict`, and a line per reason."""
    rule = regulation.rule(verdict.rule)
    title = "" if rule is None else rule.title.ru if lang == "ru" else rule.title.en
    due = moment_text(verdict.due_at, zone, lang) if verdict.due_at is not None else ""
    head = f"{title} ({verdict.rule}, {verdict.subject}): " + sentence(f"verdict-{verdict.status}", lang, moment=due)
    return "\n".join((head, *(f"  {line}" for line in reason_lines(verdict.reasons, zone, lang))))


def reason_lines(reasons: Iterable[Reason], zone: ZoneInfo, lang: Lang) -> Iterator[str]:
    """A sentence per reason; what a group is made of follows it, set in."""
    for reason in reasons:
        yield explain_reason(reason, zone, lang)
        yield from (f"  {line}" for line in reason_lines(reason.children, zone, lang))


def explain_reason(reason: Reason, zone: ZoneInfo, lang: Lang) -> str:
    """One reason as a sentence."""
    code = f"why-{reason.code}"
    if reason.code == "counted" and reason.wanted is None:
        code = "why-counted-on"
    if reason.code == "quiet" and reason.seen is UNKNOWN:
        code = "why-quiet-unknown"
    if code not in SENTENCES:
        return _condition(reason, zone, lang)
    return sentence(code, lang, **_slots(reason, zone, lang))


def as_record(verdict: Verdict, zone: ZoneInfo) -> dict[str, Any]:
    """A verdict as JSON, its reasons rendered in both languages."""
    texts: dict[str, list[str]] = {lang: list(reason_lines(verdict.reasons, zone, lang)) for lang in LANGS}
    return {
        "rule": verdict.rule,
        "subject": verdict.subject,
        "status": str(verdict.status),
        "occurrence": verdict.occurrence,
        "due": verdict.due_at.isoformat() if verdict.due_at is not None else None,
        "because": verdict.because,
        **texts,
    }


def say_because(code: str, lang: Lang) -> str:
    """A few words for the code of an order or of a ledger row's reason; a person's own words stay as they are."""
    if f"because-{code}" in SENTENCES:
        return sentence(f"because-{code}", lang)
    if f"condition-{code}" in SENTENCES:
        return sentence("because-condition", lang, name=sentence(f"condition-{code}", lang, name=code).lower())
    return code


def _slots(reason: Reason, zone: ZoneInfo, lang: Lang) -> Mapping[str, str]:
    """What the sentences of reasons name: the reader's moment, the term, what was seen and wanted."""
    parts = reason.wanted if isinstance(reason.wanted, tuple) else (reason.wanted,)
    moments = [one for one in (*parts, reason.seen) if isinstance(one, datetime)]
    values = [one for one in parts if not isinstance(one, datetime)]
    return {
        "moment": moment_text(moments[0], zone, lang) if moments else "",
        "term": _value(values[0], zone, lang) if values else "",
        "anchor": str(reason.wanted),
        "seen": _value(reason.seen, zone, lang),
        "wanted": sentence("word-or", lang).join(_value(one, zone, lang) for one in values),
    }


def _condition(reason: Reason, zone: ZoneInfo, lang: Lang) -> str:
    """What was seen; where it decided against the rule, also what is wanted."""
    field = reason.path.partition(".field.")[2]
    code = f"condition-{reason.code}"
    name = sentence(code, lang, name=field or reason.path) if code in SENTENCES else reason.path
    shares = reason.code == "dossier_fill"
    seen = _value(_percent(reason.seen) if shares else reason.seen, zone, lang)
    wanted = _wanted(_percent(reason.wanted) if shares else reason.wanted, zone, lang)
    if not wanted or _matches(reason):
        return sentence("condition-holds", lang, name=name, seen=seen)
    return sentence("condition-fails", lang, name=name, seen=seen, wanted=wanted)


def _percent(value: Any) -> Any:
    """Shares as people write them, `60%`."""
    if isinstance(value, tuple):
        return tuple(_percent(one) for one in value)
    return f"{value * 100:.0f}%" if isinstance(value, Decimal) else value


def _matches(reason: Reason) -> bool:
    """Whether a plain choice holds, so that nothing more need be said."""
    seen, wanted = reason.seen, reason.wanted
    if isinstance(wanted, tuple) and len(wanted) == 2 and wanted[0] in ("below", "at_least"):
        if not isinstance(seen, int | Decimal) or not isinstance(wanted[1], int | Decimal):
            return False
        return seen < wanted[1] if wanted[0] == "below" else seen >= wanted[1]
    return seen in wanted if isinstance(wanted, tuple) else seen == wanted


def _wanted(wanted: Any, zone: ZoneInfo, lang: Lang) -> str:
    if wanted is None:
        return ""
    if isinstance(wanted, tuple):
        if len(wanted) == 2 and f"wanted-{wanted[0]}" in SENTENCES:
            return sentence(f"wanted-{wanted[0]}", lang, limit=_value(wanted[1], zone, lang))
        return sentence("word-or", lang).join(_value(one, zone, lang) for one in wanted)
    return _value(wanted, zone, lang)


def _value(value: Any, zone: ZoneInfo, lang: Lang) -> str:
    """A fact as people say it; words of the language are translated."""
    if value is UNKNOWN:
        return sentence("word-unknown", lang)
    if value is None or value == ():
        return sentence("word-empty", lang)
    if isinstance(value, bool):
        return sentence("word-yes" if value else "word-no", lang)
    if isinstance(value, datetime):
        return moment_text(value, zone, lang)
    if isinstance(value, date):
        return day_text(value, lang)
    if isinstance(value, Duration):
        return say_duration(value, lang)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, tuple | frozenset | list):
        return ", ".join(_value(one, zone, lang) for one in value)
    for code in (f"word-{value}", f"loss-{value}"):
        if code in SENTENCES:
            return sentence(code, lang)
    return str(value)
