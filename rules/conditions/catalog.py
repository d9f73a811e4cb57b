"""The list of all conditions: every module of this folder that holds a `CONDITION`. A new condition is one file."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Final

import rules.conditions
from rules.conditions.kinds import Kind, Where
from rules.scope import meant_here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import PydanticCustomError

    from rules.conditions import Condition
    from rules.located import Path
    from rules.scope import Scope


def _find() -> dict[str, Kind]:
    names = (module.name for module in pkgutil.iter_modules(rules.conditions.__path__) if module.name != "catalog")
    modules = (importlib.import_module(f"rules.conditions.{name}") for name in names)
    kinds: list[Kind] = [module.CONDITION for module in modules if hasattr(module, "CONDITION")]
    return {kind.key: kind for kind in kinds}


CATALOG: Final[Mapping[str, Kind]] = _find()


def read_conditions(
    value: Any, prefix: str, scope: Scope, found: list[tuple[Path, PydanticCustomError]]
) -> tuple[Condition, ...]:
    """The conditions under `if` (or under a word of `means`); all must hold. Flaws are added to `found`."""
    return _read(value, Where((), prefix, scope, found, _read))


def _read(value: Any, where: Where) -> tuple[Condition, ...]:
    if not isinstance(value, dict):
        where.refuse("not-map")
        return ()
    return tuple(condition for key, inner in value.items() for condition in _read_key(key, inner, where.below(key)))


def _read_key(key: str, value: Any, where: Where) -> tuple[Condition, ...]:
    subject = where.scope.subject
    kind = CATALOG.get(key)
    if kind is None:
        known = [name for name, one in CATALOG.items() if subject is None or subject in one.subjects]
        where.refuse("unknown-condition", {"key": key}, hint=meant_here(key, known), on_key=True)
        return ()
    if subject is not None and subject not in kind.subjects:
        where.refuse("condition-of-other", {"key": key, "subject": "/".join(sorted(kind.subjects))}, on_key=True)
        return ()
    return kind.read(value, where)
