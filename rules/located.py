"""YAML text -> a plain tree and the place of everything in it, read from libyaml's events within fixed bounds.

Events, not nodes: PyYAML's composer is recursive and a file of 60 KB of brackets kills the process. Scalars follow the
core schema of YAML 1.2 and nothing more: `no`, `18:00`, `012` and dates stay the text that was typed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 30
MAX_EVENTS: Final = 300_000
MAX_SIZE: Final = 5_000
"""Elements of one list, keys of one mapping: far above any real file, and a flood of keys is refused at once."""

LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What libyaml takes for the end of a line, so that our lines are its lines."""
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FRACTION: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_CORE_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key or a value stands; lines and columns count from 1."""

    line: int
    column: int
    width: int = 1
    comment_follows: bool = False
    """An unquoted text that ` #` ended: what follows was read as a comment."""
    in_braces: bool = False
    """A key of a `{…}`, where an unquoted comma makes a new key."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A flaw of the YAML itself: its place, a code of `rules.texts`, what the sentence names, and a hint's code."""

    place: Place
    code: str
    given: dict[str, str] = field(default_factory=dict)
    hint: str | None = None


@dataclass(slots=True)
class Located:
    """A read file. `root` is made of dict, list, str, int, Decimal, bool and None."""

    lines: list[str]
    root: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    whole: bool = True
    """False when reading had to stop before the end: the tree is of no use."""


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    content: list[Any] | dict[str, Any]
    path: Path
    in_braces: bool = False
    key: str | None = None
    """The key whose value comes next."""
    skip: bool = False
    """That value goes nowhere: its key was refused, or was there already."""


class _Stop(Exception):  # noqa: N818 - it ends the reading; it is no error of the program
    """The file can't be read further."""


def decode(octets: bytes) -> tuple[str, Mistake | None]:
    """The text of a file, which must be UTF-8; else what could be read of it and the place of the first wrong byte."""
    try:
        return octets.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = LINE_BREAK.split(octets[: error.start].decode("utf-8", "replace"))
        wide = octets[:2] in (b"\xff\xfe", b"\xfe\xff")
        place = Place(len(before), len(before[-1]) + 1)
        return octets.decode("utf-8", "replace"), Mistake(place, "not-utf8", {}, "save-utf16" if wide else "save-utf8")


def locate(content: str | bytes) -> Located:
    """Read one YAML document, a text or the octets of a file; never raises, whatever they are."""
    text, wrong = decode(content) if isinstance(content, bytes) else (content, None)
    text = text.removeprefix("\ufeff")
    if wrong is not None:
        lines = LINE_BREAK.split(text[:MAX_BYTES]) if wrong.hint == "save-utf8" else []
        return Located(lines, mistakes=[wrong], whole=False)
    located = Located(LINE_BREAK.split(text) if len(text) <= MAX_BYTES else [])
    reader = _Reader(located)
    try:
        reader.refuse_unreadable(text)
        for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
            if count > MAX_EVENTS:
                reader.stop(_place(event), "too-many-parts", limit=str(MAX_EVENTS))
            reader.take(event)
    except _Stop:
        located.whole = False
    except yaml.YAMLError as error:
        located.mistakes.append(_syntax(error, located.lines))
        located.whole = False
    return located


class _Reader:
    """Builds the tree from events with a stack of its own."""

    def __init__(self, located: Located) -> None:
        self.located = located
        self.stack: list[_Open] = []
        self.documents = 0
        self.taken: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self.start_document,
            yaml.AliasEvent: self.refuse_alias,
            yaml.ScalarEvent: self.take_value,
            yaml.SequenceStartEvent: self.take_value,
            yaml.MappingStartEvent: self.take_value,
            yaml.SequenceEndEvent: self.end_part,
            yaml.MappingEndEvent: self.end_part,
        }

    def take(self, event: yaml.Event) -> None:
        taker = self.taken.get(type(event))
        if taker is not None:
            taker(event)

    def report(self, place: Place, code: str, hint: str | None = None, **given: str) -> None:
        self.located.mistakes.append(Mistake(place, code, given, hint))

    def stop(self, place: Place, code: str, **given: str) -> None:
        self.report(place, code, **given)
        raise _Stop

    def refuse_unreadable(self, text: str) -> None:
        """Sizes and characters libyaml would stumble over without saying where."""
        if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            self.stop(Place(1, 1), "too-large", limit="1 MiB")
        wrong = _FORBIDDEN.search(text)
        if wrong:
            before = LINE_BREAK.split(text[: wrong.start()])
            self.stop(Place(len(before), len(before[-1]) + 1), "bad-character", number=f"U+{ord(wrong.group()):04X}")

    def start_document(self, event: yaml.DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            self.stop(_place(event), "two-documents")

    def refuse_alias(self, event: yaml.AliasEvent) -> None:
        self.report(_place(event), "alias", "write-out", name=str(event.anchor))
        self.put(None, _place(event))

    def take_value(self, event: Any) -> None:
        place = _place(event)
        if event.anchor:
            self.report(place, "anchor-mark", "write-out", name=event.anchor)
        if event.tag not in (None, "!"):
            self.report(place, "tag", name=event.tag)
        if isinstance(event, yaml.ScalarEvent):
            place = self.measure(event)
            if self.expects_key():
                self.take_key(event.value, place)
            else:
                self.put(_scalar(event), place)
            return
        if len(self.stack) >= MAX_DEPTH:
            self.stop(place, "too-deep", limit=str(MAX_DEPTH))
        if self.expects_key():
            self.stop(place, "key-not-text")
        content: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        path = self.put(content, place)
        self.stack.append(_Open(content, path, in_braces=bool(event.flow_style)))

    def expects_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].content, dict) and self.stack[-1].key is None

    def take_key(self, key: str, place: Place) -> None:
        top = self.stack[-1]
        if len(top.content) >= MAX_SIZE:
            self.stop(place, "too-many-keys", limit=str(MAX_SIZE))
        path = (*top.path, key)
        top.key, top.skip = key, key in top.content
        if top.skip:
            self.report(place, "duplicate-key", key=key, line=str(self.located.keys[path].line))
        else:
            self.located.keys[path] = Place(place.line, place.column, place.width, in_braces=top.in_braces)

    def put(self, value: Any, place: Place) -> Path:
        """Put a value where it belongs and give its path."""
        if not self.stack:
            self.located.root = value
            self.located.values[()] = place
            return ()
        top = self.stack[-1]
        if isinstance(top.content, list):
            if len(top.content) >= MAX_SIZE:
                self.stop(place, "too-many-keys", limit=str(MAX_SIZE))
            path: Path = (*top.path, len(top.content))
            top.content.append(value)
        else:
            assert top.key is not None
            path = (*top.path, top.key)
            if top.skip:
                path = (*path, "twice")  # a place nobody asks for; what is inside is still read, for its own mistakes
            else:
                top.content[top.key] = value
            top.key = None
        self.located.values.setdefault(path, place)
        return path

    def end_part(self, _event: yaml.Event) -> None:
        self.stack.pop()

    def measure(self, event: Any) -> Place:
        """The place of a scalar, as wide as it is on its first line."""
        start, end = event.start_mark, event.end_mark
        lines = self.located.lines
        one_line = start.line == end.line
        width = (end.column if one_line else len(lines[start.line])) - start.column
        follows = not event.style and end.line < len(lines) and bool(re.match(r"\s+#", lines[end.line][end.column :]))
        return Place(start.line + 1, start.column + 1, max(width, 1), comment_follows=follows)


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: yaml.ScalarEvent) -> str | int | Decimal | bool | None:
    text: str = event.value
    if event.style:  # quoted, or a block of text
        return text
    if text in _CORE_WORDS:
        return _CORE_WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text):
        return Decimal(text)
    return text


_SYNTAX: Final = (
    ("mapping values are not allowed", "yaml-colon", "quote-text"),
    ("found unexpected end of stream", "yaml-quote", "close-quote"),
    ("did not find expected ',' or '}'", "yaml-brace", "close-brace"),
    ("did not find expected ',' or ']'", "yaml-bracket", "close-bracket"),
    ("did not find expected key", "yaml-key", "check-indent"),
    ("did not find expected '-' indicator", "yaml-dash", "check-indent"),
    ("found unknown escape character", "yaml-escape", "single-quotes"),
    ("exceeded maximum nesting depth", "too-deep", None),
)


def _syntax(error: yaml.YAMLError, lines: list[str]) -> Mistake:
    """What libyaml says, in our words, at the place where it noticed."""
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    said = str(getattr(error, "problem", None) or error)
    row = lines[line] if line < len(lines) else ""
    place = Place(line + 1, column + 1)
    if said.startswith("found character that cannot start"):
        hint = "no-tabs" if row[column : column + 1] == "\t" else "quote-text"
        return Mistake(place, "yaml-character", {"character": repr(row[column : column + 1])[1:-1]}, hint)
    for words, code, hint_code in _SYNTAX:
        if words in said:
            after_brace = re.search(r"(^|[:,\[-]\s+)\{[^{}]*\}\s*[^\s,}\]#]", row) and code != "too-deep"
            given = {"limit": str(MAX_DEPTH)} if code == "too-deep" else {}
            return Mistake(place, code, given, "quote-brace" if after_brace else hint_code)
    return Mistake(place, "yaml", {"said": said}, "quote-text")
