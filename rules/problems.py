"""What is wrong with a file: place, rule, code and one hint; rendered in Russian or English."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from rules.texts import Lang, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Severity = Literal["error", "warning"]

MAX_PROBLEMS: Final = 200
"""A file with more than this is shown its first ones; the rest would only cost time."""
_SHOWN: Final = 60
_WIDEST_LINE: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What would be right."""

    code: str
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One flaw of one file. `line` and `column` count from 1."""

    name: str
    """The file."""
    line: int
    column: int
    code: str
    """Stable; a sentence of `rules.texts`."""
    given: Mapping[str, str] = field(default_factory=dict)
    """What the sentence names."""
    rule: str | None = None
    severity: Severity = "error"
    hint: Hint | None = None
    width: int = 1
    excerpt: str = ""
    """The line of the file as it was when it was read."""

    def sentence(self, lang: Lang) -> str:
        """What is wrong, naming the rule, without place and code."""
        named = sentence("in-rule", lang, rule=_shown(self.rule)) + " " if self.rule else ""
        return named + sentence(self.code, lang, **{word: _shown(value) for word, value in self.given.items()})

    def advice(self, lang: Lang) -> str | None:
        """The hint as a sentence."""
        if self.hint is None:
            return None
        return sentence(self.hint.code, lang, **{word: _shown(value, 400) for word, value in self.hint.given.items()})


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """By file and place; the same flaw at the same place once."""
    unique = {(p.name, p.line, p.column, p.code, tuple(p.given.items())): p for p in problems}
    return tuple(problem for _, problem in sorted(unique.items(), key=lambda pair: pair[0]))


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether the file can't come into force."""
    return any(problem.severity == "error" for problem in problems)


def render(problems: Iterable[Problem], lang: Lang) -> str:
    """`file:line:column: sentence [code]`, the line with a caret, one hint; a block per problem, in the order given."""
    return "".join(_block(problem, lang) for problem in problems)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    spelled = {name.lower(): name for name in known}  # field names of a CRM are written in capitals
    found = difflib.get_close_matches(word[:40].lower(), list(spelled), n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def meant(word: str, known: Iterable[str]) -> Hint | None:
    """`did you mean …?`, or the list of what is known where nothing is near."""
    names = tuple(known)
    near = closest(word, names)
    if near is not None:
        return Hint(code="did-you-mean", given={"name": near})
    return Hint(code="one-of", given={"names": ", ".join(names)}) if names else None


def _block(problem: Problem, lang: Lang) -> str:
    mark = sentence("warning-mark", lang) + " " if problem.severity == "warning" else ""
    place = f"{problem.name}:{problem.line}:{problem.column}"
    lines = [f"{place}: {mark}{problem.sentence(lang)} [{problem.code}]"]
    if problem.excerpt.strip():
        start = problem.column - 1
        long = len(problem.excerpt) > _WIDEST_LINE
        cut = max(0, start - _WIDEST_LINE // 2) if long else 0  # a very long line is shown around the place
        shown = _printable(problem.excerpt[cut : cut + _WIDEST_LINE])
        width = max(1, min(problem.width, len(shown) - (start - cut)))
        gutter = f"{problem.line:>5} | "
        lines.append(gutter + shown)
        lines.append(" " * (len(gutter) - 2) + "| " + " " * (start - cut) + "^" + "~" * (width - 1))
    advice = problem.advice(lang)
    if advice:
        lines.append(f"      {sentence('hint-mark', lang)} {advice}")
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    """No control characters: a file must not move the cursor of whoever reads about it."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]", " ", text)


def _shown(value: object, longest: int = _SHOWN) -> str:
    text = _printable(str(value)).strip()
    return text if len(text) <= longest else text[: longest - 1] + "…"
