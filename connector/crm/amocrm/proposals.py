"""Proposals in amoCRM: a task that stands for each, of the administrator's type «Предложение» where he made one.

amoCRM has no buttons under a card but those of a widget, so a proposal is answered by what people do to its task and by
the words they close it with (facts/amocrm.md 5.4, A). Its text is ours and is written whole each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connector.crm.amocrm.wording import SERVICE, TEXT_LIMIT, clean, cut, one_line
from connector.crm.port import Effect

OFFER_TYPES: Final = frozenset({"предложение", "proposal"})
"""Names (lower case) of the task type an admin may make for proposals; no call makes one."""
SIGNED: Final = f"{SERVICE}: "
"""Begins a result that we wrote, so that it is never read as somebody's answer."""
REASONS_LIMIT: Final = 300
"""Characters; the others are understood all the same."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "ru": {
        "how": "Или завершить со словом в результате: {words}.",
        "accept": "«да» – принять",
        "later": "«позже 7 дней» или «позже 14.10» – отложить",
        "decline": "«нет» и причина – отклонить",
        "reasons": "Причины: {reasons}.",
    },
    "en": {
        "how": "Or complete it with a word as its result: {words}.",
        "accept": "“yes” to accept",
        "later": "“later 7 days” or “later 14.10” to put it off",
        "decline": "“no” and the reason to decline",
        "reasons": "Reasons: {reasons}.",
    },
}


def text_of(effect: Effect, *, english: bool) -> str:
    """The text of the proposal's task: title, how it stands, what is offered, how to answer, and the marker.

    What is offered is cut where the whole would be too long; the rest is not.
    """
    title, status = one_line(effect.title), clean(effect.status)
    answers = "\n".join(filter(None, (clean(effect.hint), _how(effect, english=english))))
    mark = f"[{effect.marker}]"
    room = TEXT_LIMIT - sum(len(part) + 2 for part in (title, status, answers, mark))
    offered = cut(clean(effect.text), max(room, 0))
    return "\n".join((title, *_apart(status), *_apart(offered), *_apart(answers), mark))


def shown(effect: Effect, *, english: bool) -> dict[str, Any]:
    """What is sent to show a proposal as it stands, its id left out. Open and without a due: only its text."""
    changes: dict[str, Any] = {"text": text_of(effect, english=english)}
    if effect.standing != "open":
        changes["is_completed"] = True
        if not effect.closing:  # closed by a person, it keeps the words of his
            changes["result"] = {"text": cut(f"{SIGNED}{one_line(effect.status)}", TEXT_LIMIT)}
    elif effect.due is not None:
        changes |= {"is_completed": False, "complete_till": int(effect.due.timestamp())}
        if effect.assignee:
            changes["responsible_user_id"] = int(effect.assignee)
    return changes


def words_of(result: Any) -> str:
    """What a person wrote when he closed a task, from the task's `result`; empty for nothing and for words of ours."""
    text = str(result.get("text") or "").strip() if isinstance(result, dict) else ""  # PHP: [] where there is none
    return "" if text.startswith(SIGNED) else text


def _how(effect: Effect, *, english: bool) -> str:
    """The words that are understood, as far as they may be answered now."""
    words = _WORDS["en" if english else "ru"]
    may = dict.fromkeys(choice.answer for choice in effect.choices)
    if not may:
        return ""
    told = words["how"].format(
        words=", ".join(words[answer] for answer in ("accept", "later", "decline") if answer in may)
    )
    reasons = cut("; ".join(one_line(choice.reason) for choice in effect.choices if choice.reason), REASONS_LIMIT)
    return f"{told} {words['reasons'].format(reasons=reasons)}" if reasons else told


def _apart(part: str) -> tuple[str, ...]:
    """With an empty line above, where there is anything."""
    return ("", part) if part else ()
