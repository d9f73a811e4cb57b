"""What is said about a dossier and its gaps, and what can be wrong with its file."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "dossier-missing": ("Не хватает {count} из {total}:", "Missing {count} of {total}:"),
    "dossier-more": (" и ещё {count}.", " and {count} more."),
    "dossier-full": ("Досье заполнено.", "The dossier is full."),
    "dossier-expired": ("Устарело полей: {count} ({names}).", "Out of date: {count} ({names})."),
    "dossier-no-access": ("Нет доступа к полям: {count}.", "No access to {count} of the fields."),
    "dossier-weights": (
        "веса разделов в сумме дают {total}, а должны давать 100",
        "the weights of the sections add up to {total} instead of 100",
    ),
    "dossier-twice": ("id «{id}» уже занят в строке {line}", "id '{id}' is already used in line {line}"),
    "dossier-empty-section": ("в разделе «{section}» нет ни одного поля", "section '{section}' has no fields"),
    "dossier-section": ("раздела «{section}» нет", "there is no section '{section}'"),
    "dossier-stale": (
        "«{text}» – не срок; напишите, например, 12 months или 12 месяцев",
        "'{text}' is no term; write for instance 12 months",
    ),
    "dossier-keep": (
        "хранить можно только числа (check: number, range_1_5, range_0_10) и не личные данные",
        "only numbers (check: number, range_1_5, range_0_10) that are no personal data can be kept",
    ),
}
