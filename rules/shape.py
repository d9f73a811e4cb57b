"""A YAML text against a strict pydantic model: the model, or every problem with its place.

`read_model` serves the regulation, the dossier, portal.yaml and config.yaml alike, so all files are refused in one way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rules.located import Located, Path, Place, locate
from rules.problems import MAX_PROBLEMS, Hint, Problem, Severity, has_errors, in_order, meant
from rules.texts import SENTENCES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

M = TypeVar("M", bound=BaseModel)


_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Strict(BaseModel):
    """No unknown keys, no silent conversions of type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@dataclass(frozen=True, slots=True)
class Read(Generic[M]):
    """What became of a text. `model` is None when a problem is an error; `located` serves checks by meaning."""

    model: M | None
    problems: tuple[Problem, ...]
    located: Located


def read_model(
    text: str | bytes, name: str, model: type[M], context: dict[str, Any] | None = None, *, show_lines: bool = True
) -> Read[M]:
    """Read one YAML document; never raises, whatever the text. Lists become tuples. `name` is the file's name.

    A file that may hold secrets is read with `show_lines=False`: its problems then quote nothing of it.
    """
    return fit(locate(text), name, model, context, show_lines=show_lines)


def fit(
    located: Located, name: str, model: type[M], context: dict[str, Any] | None = None, *, show_lines: bool = True
) -> Read[M]:
    """What `read_model` does after the YAML itself was read."""
    file = Reporter(located, name, show_lines=show_lines)
    problems = [file.at(m.place, m.code, m.given, hint=Hint(code=m.hint) if m.hint else None) for m in located.mistakes]
    fitted: M | None = None
    if located.whole:
        try:
            fitted = model.model_validate(as_tuples(located.root), context=context)
        except ValidationError as error:
            told = {(problem.line, problem.column) for problem in problems}
            problems += [one for one in _by_place(file, model, error) if (one.line, one.column) not in told]
    found = in_order(problems)
    return Read(None if has_errors(found) else fitted, found[:MAX_PROBLEMS], located)


def flaw(
    code: str,
    given: Mapping[str, str] = _NOTHING,
    *,
    hint: Hint | None = None,
    word: str = "",
    on_key: bool = False,
) -> PydanticCustomError:
    """What a validator raises: a code of `rules.texts`, what its sentence names, a hint.

    The caret goes to `word` where the value's line holds it; with `on_key`, to the key instead of the value.
    """
    return PydanticCustomError(code, "", {"given": given, "hint": hint, "word": word, "on_key": on_key})


def flaws(found: Sequence[tuple[Path, PydanticCustomError]]) -> ValidationError:
    """Several flaws of one value, each with its path below it."""
    lines = [InitErrorDetails(type=error, loc=path, input=None) for path, error in found]
    return ValidationError.from_exception_data("value", lines)


def as_tuples(tree: Any) -> Any:
    """The tree with tuples for lists: what is read does not change any more."""
    if isinstance(tree, dict):
        return {key: as_tuples(value) for key, value in tree.items()}
    return tuple(as_tuples(value) for value in tree) if isinstance(tree, list) else tree


class Reporter:
    """Makes problems of one file: the place of a path, the rule it belongs to, the line as it was."""

    def __init__(self, located: Located, name: str, *, show_lines: bool = True) -> None:
        self.located, self.name, self.show_lines = located, name, show_lines

    def at(
        self,
        place: Place,
        code: str,
        given: Mapping[str, str] = _NOTHING,
        path: Path = (),
        *,
        severity: Severity = "error",
        hint: Hint | None = None,
        word: str = "",
    ) -> Problem:
        """A problem at a known place; `word` moves the caret to that word when it stands in the same line."""
        lines = self.located.lines
        line = lines[place.line - 1] if place.line <= len(lines) else ""
        start = line.find(word, place.column - 1) if word else -1
        return Problem(
            name=self.name,
            line=place.line,
            column=place.column if start < 0 else start + 1,
            width=place.width if start < 0 else len(word),
            code=code,
            given=given,
            rule=self.rule_of(path),
            severity=severity,
            hint=hint,
            excerpt=line if self.show_lines else "",
        )

    def of_value(self, path: Path, code: str, given: Mapping[str, str] = _NOTHING, **more: Any) -> Problem:
        """A problem of the value at this path, or of the nearest one around it."""
        while path not in self.located.values and path:
            path = path[:-1]
        return self.at(self.located.values.get(path, Place(1, 1)), code, given, path, **more)

    def of_key(self, path: Path, code: str, given: Mapping[str, str] = _NOTHING, **more: Any) -> Problem:
        """A problem of the key at this path; a list's element and the whole file have none, so there of the value."""
        place = self.located.keys.get(path)
        return self.at(place, code, given, path, **more) if place else self.of_value(path, code, given, **more)

    def rule_of(self, path: Path) -> str | None:
        """The id of the rule around this path."""
        if len(path) < 2 or path[0] != "rules" or not isinstance(path[1], int):
            return None
        rule = self.located.root["rules"][path[1]]
        name = rule.get("id") if isinstance(rule, dict) else None
        return name if isinstance(name, str) else None

    def real(self, loc: tuple[str | int, ...]) -> Path:
        """A pydantic path without the names of union branches and validators, which are in no file."""
        path: Path = ()
        for part in loc:
            if (*path, part) in self.located.values:
                path = (*path, part)
        return path


_EXPECTED: Final = {
    "string_type": "not-text",
    "bool_type": "not-boolean",
    "int_type": "not-whole",
    "int_from_float": "not-whole",
    "float_type": "not-number",
    "decimal_type": "not-number",
    "is_instance_of": "not-number",
    "tuple_type": "not-list",
    "dict_type": "not-map",
    "mapping_type": "not-map",
    "model_type": "not-map",
    "model_attributes_type": "not-map",
    "string_pattern_mismatch": "bad-form",
}
_LIMITS: Final = {
    "greater_than_equal": ("below-least", "ge"),
    "greater_than": ("not-above", "gt"),
    "less_than_equal": ("above-most", "le"),
    "less_than": ("not-under", "lt"),
    "too_short": ("too-few", "min_length"),
    "string_too_short": ("text-too-short", "min_length"),
    "too_long": ("too-many", "max_length"),
    "string_too_long": ("text-too-long", "max_length"),
}
_YES_NO: Final = frozenset({"yes", "no", "on", "off", "y", "n", "да", "нет"})


def _by_place(file: Reporter, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Every fault of shape; of several branches of a union the one that came furthest, or else the first."""
    found: dict[tuple[Path, str], Problem] = {}
    faults = [(file.real(fault["loc"]), fault) for fault in error.errors(include_url=False)]
    around = {path[:depth] for path, _ in faults for depth in range(len(path))}
    for path, fault in faults:
        if len(found) >= MAX_PROBLEMS:
            break
        kind = fault["type"]
        if path in around and (kind == "too_short" or kind.endswith("_type")):
            continue  # pydantic counts only the right elements; a branch of a union whose type is not the one meant
        own = kind in SENTENCES  # of our own validators several may be at one place, and missing keys too
        part = str(fault.get("ctx")) if own else str(fault["loc"][-1]) if kind == "missing" else ""
        found.setdefault((path, part), _problem(file, model, path, dict(fault)))
    return list(found.values())


def _problem(file: Reporter, model: type[BaseModel], path: Path, fault: Mapping[str, Any]) -> Problem:
    kind, seen, given = fault["type"], fault["input"], fault.get("ctx", {})
    if kind in SENTENCES:  # raised by `flaw`
        where = file.of_key if given["on_key"] else file.of_value
        return where(path, kind, given["given"], hint=given["hint"], word=given["word"])
    if kind == "missing":
        return file.of_key(path, "missing-key", {"key": str(fault["loc"][-1])})
    if kind == "extra_forbidden":
        place = file.located.keys.get(path)
        stray = place is not None and place.in_braces and seen is None
        hint = Hint(code="quote-comma") if stray else meant(str(path[-1]), known_keys(model, path[:-1]))
        return file.of_key(path, "unknown-key", {"key": str(path[-1])}, hint=hint)
    if kind in ("literal_error", "enum"):
        names = re.findall(r"'([^']*)'", given["expected"])
        if fault["loc"][-1] == "[key]":
            return file.of_key(path, "unknown-key", {"key": str(seen)}, hint=meant(str(seen), names))
        alike = str(seen) == given["expected"]  # "1" for 1
        hint = Hint(code="plain-number") if alike else meant(_as_typed(seen), names or (given["expected"],))
        return file.of_value(path, "unknown-value", {"value": _as_typed(seen)}, hint=hint)
    if kind in _LIMITS:
        code, bound = _LIMITS[kind]
        return file.of_value(path, code, {"limit": f"{given[bound]:g}"})
    code = _EXPECTED.get(kind, "wrong-value")
    return file.of_value(path, code, hint=cure(code, seen))


def cure(code: str, seen: Any) -> Hint | None:
    """The hint for a value of the wrong type."""
    if seen is None:
        return Hint(code="give-value")
    if code == "not-boolean":
        return Hint(code="write-true" if str(seen).lower() in _YES_NO else "true-or-false")
    if code == "not-text":
        return Hint(
            code="quote-brace" if isinstance(seen, dict) else "quote-value" if seen is not None else "give-value"
        )
    if code in ("not-whole", "not-number") and isinstance(seen, str) and re.fullmatch(r"[-+]?[0-9_.]+", seen):
        return Hint(code="plain-number")
    if code == "not-list" and isinstance(seen, str):
        return Hint(code="write-list", given={"value": seen})
    return None


def _as_typed(value: Any) -> str:
    """How a value of the tree looks in the file."""
    words: dict[Any, str] = {None: "", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def known_keys(model: type[BaseModel], path: Path) -> tuple[str, ...]:
    """The keys a model takes at this path, as far as its annotations tell."""
    places: list[Any] = [model]
    for part in path:
        places = [inner for place in places for inner in _inside(place, part)]
    models = [place for place in places if isinstance(place, type) and issubclass(place, BaseModel)]
    return tuple(field.alias or name for one in models for name, field in one.model_fields.items())


def _inside(place: Any, part: str | int) -> Iterator[Any]:
    """The annotations of what lies under one key or index of an annotated place."""
    if isinstance(place, type) and issubclass(place, BaseModel):
        for name, field in place.model_fields.items():
            if part in (field.alias, name):
                yield from _branches(field.annotation)
    elif get_args(place):
        yield from _branches(get_args(place)[-1 if isinstance(part, str) else 0])


def _branches(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for branch in get_args(annotation):
            yield from _branches(branch)
    else:
        yield annotation


def number_or_none(value: Any) -> Decimal | None:
    """A number of the tree; `true` is none."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)
