"""Named points at which a test kills this process: `KASANIE_FAILPOINT=<name>` with KASANIE_SANDBOX=1.

The settings refuse to start in production while one is set; here it is looked at once more.
"""

from __future__ import annotations

import os
import signal
from typing import Final

NAMES: Final = (
    "bells_stored",
    "facts_stored",
    "judged",
    "effects_started",
    "effects_sent",
    "effect_settled",
    "tokens_used",
)
"""After the hook's row is durable, before the answer · after a page of facts · after judgement and intents are stored ·
intent marked as being sent, nothing sent yet · answered by the CRM, not written down · one outcome written down ·
the OAuth server gave new tokens, not stored yet."""


def failpoint(name: str) -> None:
    """Die here, as with kill -9, if this point is named by the environment."""
    if os.environ.get("KASANIE_FAILPOINT") == name and os.environ.get("KASANIE_SANDBOX") == "1":
        os.kill(os.getpid(), signal.SIGKILL)
