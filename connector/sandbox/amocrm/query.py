"""Reading amoCRM's query strings: PHP brackets, comma lists, ranges, `order[...]` and pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.sandbox.amocrm.problems import bad_request, too_long

_KEY = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Query:
    """The query of one request as pairs in their order: the path of the key (`filter`, `id`, ``) and the value."""

    pairs: tuple[tuple[tuple[str, ...], str], ...]

    @staticmethod
    def of(pairs: Sequence[tuple[str, str]]) -> Query:
        """From decoded `key=value` pairs."""
        return Query(tuple(((key.split("[", 1)[0], *_KEY.findall(key)), value) for key, value in pairs))

    def one(self, *path: str) -> str | None:
        """The last value of exactly this key, as PHP keeps it."""
        found = [value for key, value in self.pairs if key == path]
        return found[-1] if found else None

    def many(self, *path: str) -> list[str] | None:
        """Values of `a[b]=1,2`, `a[b][]=1` and `a[b][0]=1` alike; None when the key was not sent."""
        depth = len(path)
        found = [
            value
            for key, value in self.pairs
            if key == path
            or (key[:depth] == path and len(key) == depth + 1 and (not key[depth] or key[depth].isdigit()))
        ]
        return [part.strip() for value in found for part in value.split(",") if part.strip()] if found else None

    def ids(self, *path: str) -> set[int] | None:
        """The same as whole numbers. Raises a 400 problem for anything else."""
        found = self.many(*path)
        if found is None:
            return None
        try:
            return {int(text) for text in found}
        except ValueError as error:
            raise bad_request(f"{_spelled(path)}: whole numbers are expected") from error

    def span(self, *path: str) -> tuple[int | None, int | None] | None:
        """`[from]`/`[to]` in unix seconds; a bare number means "from there on". None when the key was not sent."""
        bare, start, end = self.one(*path), self.one(*path, "from"), self.one(*path, "to")
        if bare is None and start is None and end is None:
            return None
        try:
            first = start if start is not None else bare
            return (int(first) if first else None, int(end) if end else None)
        except ValueError as error:
            raise bad_request(f"{_spelled(path)}: unix seconds are expected") from error

    def pairs_at(self, *path: str) -> list[dict[str, str]]:
        """Objects of an indexed list: `a[b][0][x]=1&a[b][0][y]=2` is one object with x and y."""
        depth, found = len(path), dict[str, dict[str, str]]()
        for key, value in self.pairs:
            if key[:depth] == path and len(key) == depth + 2:
                found.setdefault(key[depth], {})[key[depth + 1]] = value
        return list(found.values())

    def order(self, allowed: Sequence[str]) -> tuple[str, bool] | None:
        """The asked order as (field, descending); None when none of the allowed was asked for."""
        for key, value in self.pairs:
            if len(key) == 2 and key[0] == "order" and key[1] in allowed:
                return key[1], value.lower() == "desc"
        return None

    def wanted(self) -> set[str]:
        """The `with=` list."""
        return set(self.many("with") or ())

    def page(self, *, largest: int, usual: int = 50) -> tuple[int, int]:
        """Page number (from 1) and limit. Raises 422 above the largest limit."""
        try:
            number, limit = int(self.one("page") or 1), int(self.one("limit") or usual)
        except ValueError as error:
            raise bad_request("page and limit are whole numbers") from error
        if limit > largest:
            raise too_long(largest)
        return max(number, 1), max(limit, 1)


def _spelled(path: Sequence[str]) -> str:
    return path[0] + "".join(f"[{part}]" for part in path[1:])
