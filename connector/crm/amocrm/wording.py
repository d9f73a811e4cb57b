"""What amoCRM shows of our writes: the text of a task, its result, a message to the head. Russian and English."""

from __future__ import annotations

from connector.crm.port import Effect

TEXT_LIMIT = 1000
"""Characters of a task's text or a note's; no limit is documented (facts/amocrm.md, trap 17)."""
SERVICE = "Kasanie"

_WORDS = {
    "ru": {
        "touch": "Касание: ",
        "withdrawn": "Отменено регламентом",
        "closed": "Касание состоялось",
        "reader": "Для сведения: ",
    },
    "en": {
        "touch": "Touch: ",
        "withdrawn": "Withdrawn by the regulation",
        "closed": "The touch took place",
        "reader": "For: ",
    },
}


class Wording:
    """Texts in the language of the account's house: Kommo speaks English, amoCRM Russian."""

    def __init__(self, *, english: bool) -> None:
        self.english = english
        self._words = _WORDS["en" if english else "ru"]

    def task(self, effect: Effect, *, own_type: bool) -> str:
        """Title, text and marker; the title says that it is a touch where no task type does."""
        prefix = "" if own_type else self._words["touch"]
        return _stamped(f"{prefix}{one_line(effect.title)}", effect.text, effect.marker)

    def message(self, effect: Effect, reader: str) -> str:
        """What a person is told, with his name, as a note on the card."""
        title = one_line(effect.title)
        return _stamped(f"{self._words['reader']}{reader}. {title}".strip(), effect.text, effect.marker)

    def closed(self, effect: Effect) -> str:
        """The result of a task that a contact has fulfilled."""
        return cut(clean(effect.text) or self._words["closed"], TEXT_LIMIT)

    def withdrawn(self, effect: Effect) -> str:
        """The result of a task whose reason has gone: told apart from a task that somebody did."""
        why, word = clean(effect.text), self._words["withdrawn"]
        if why.startswith(word):
            return cut(why, TEXT_LIMIT)
        return cut(f"{word}: {why}" if why else word, TEXT_LIMIT)


def with_line(text: str, effect: Effect) -> str:
    """A task's text with one more line above its marker; the same text where the line is there already."""
    line = f"• {one_line(effect.text) or one_line(effect.title)}"
    if line in text.split("\n"):
        return text
    body, mark, rest = text.rpartition("\n[kasanie:")
    if not mark:
        return f"{text}\n{line}"
    return f"{cut(body, TEXT_LIMIT - len(line) - len(mark) - len(rest) - 1)}\n{line}{mark}{rest}"


def _stamped(title: str, text: str, marker: str) -> str:
    """The marker is the last line and is never cut off."""
    mark = f"[{marker}]"
    whole = "\n".join(part for part in (title, clean(text)) if part)
    return f"{cut(whole, TEXT_LIMIT - len(mark) - 1)}\n{mark}"


def cut(text: str, length: int) -> str:
    """At most so many characters, the last a sign that some are missing."""
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def clean(text: str) -> str:
    """Without control characters, which names typed into a CRM may hold."""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n").strip()


def one_line(text: str) -> str:
    """Clean, and in one line."""
    return " ".join(clean(text).split())
