"""The connector's own sentences for people, in Russian and English."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from connector.sentences import amocrm, amocrm_errors, crm_errors, doctor, general, proposals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rules.texts import Lang

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    **general.SENTENCES,
    **crm_errors.SENTENCES,
    **amocrm_errors.SENTENCES,
    **amocrm.SENTENCES,
    **doctor.SENTENCES,
    **proposals.SENTENCES,
}


def language() -> Lang:
    """The operator's language for messages of the command line: KASANIE_LANG, else LANG, else Russian."""
    wanted = os.environ.get("KASANIE_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "ru"
    word = wanted.lower().partition(".")[0]
    return "ru" if word in ("c", "posix") or word.startswith("ru") else "en"


def say(code: str, lang: str | None = None, **values: object) -> str:
    """The sentence of this code, filled in."""
    ru, en = SENTENCES[code]
    text = ru if (lang or language()) == "ru" else en
    for name, value in values.items():
        text = text.replace("{" + name + "}", str(value))
    return text
