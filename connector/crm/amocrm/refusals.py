"""Every refusal of API v4 that the papers name: what kind of failure it is and what a person can do about it.

Sources: facts/amocrm.md 2 and 2.1, the vendor's page "error-codes". The status alone decides little: a 403 is a missing
right, a white list of addresses or a ban, and only the body tells. Anything that is no problem+json is judged by its
status: a page instead of an answer comes from the door, not from the API. What is not in the table refuses this one
call; with a status of 500 and above it is no answer at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from connector.crm.http import Reply
from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused, Throttled, Unavailable

BANNED_SECONDS: Final = 4 * 3600.0
"""After the ban page nobody calls for hours: going on makes the block longer."""
USUAL_WAIT: Final = 2.0
"""Seconds after a 429 that names none."""
LONGEST_WAIT: Final = 3600.0
CUSTOMERS: Final = "customers"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an answer says; Ambiguous stands for "no answer", which of a read is Unavailable."""

    kind: type[CrmError]
    text: str
    advice: str
    """The sentence in `connector.sentences.amocrm_errors` or `.crm_errors`."""
    advice_app: str = ""
    """The same for a portal that we reach by OAuth, where it differs."""
    wait: float = 0.0


NO_ANSWER: Final = Meaning(Ambiguous, "the CRM failed", "crm-wait")
UNREADABLE: Final = Meaning(Ambiguous, "a success without a readable body", "crm-wait")
MOVED: Final = Meaning(Blocked, "the account answers at another address", "crm-moved")
TOO_FAST: Final = Meaning(Throttled, "too many requests", "crm-wait")
ENDED: Final = Meaning(Blocked, "the token is expired or revoked", "amo-token", "amo-connect")
UNKNOWN: Final = Meaning(Refused, "the request was refused", "amo-our-call")
NO_RIGHT: Final = Meaning(Refused, "the token's user has no right to this call", "amo-rights")
NO_OBJECT: Final = Meaning(Gone, "there is no such object", "amo-object")
NO_CUSTOMERS: Final = Meaning(Refused, "the account does not use customers", "amo-customers")

BY_STATUS: Final[Mapping[int, Meaning]] = {
    400: Meaning(Refused, "the request is wrong", "amo-our-call"),
    401: ENDED,
    402: Meaning(Blocked, "the subscription has ended or lacks the API", "amo-payment"),
    403: NO_RIGHT,
    404: NO_OBJECT,
    405: Meaning(Refused, "the API does not know this verb here", "amo-our-call"),
    422: Meaning(Refused, "the request is too large or cannot be carried out", "amo-our-call"),
    429: TOO_FAST,
}
PAGES: Final[Mapping[int, Meaning]] = {
    401: ENDED,
    402: BY_STATUS[402],
    403: Meaning(Blocked, "the CRM's ban page", "amo-banned", wait=BANNED_SECONDS),
    404: Meaning(Blocked, "there is no such account at this address", "amo-address"),
    429: TOO_FAST,
}
"""By status, where the body is no JSON object."""
BY_CODE: Final[Mapping[str, Meaning]] = {
    "101": Meaning(Blocked, "there is no such account at this address", "amo-address"),
    "110": ENDED,
    "111": ENDED,
    "112": Meaning(Blocked, "the token's user is switched off", "amo-user-off"),
    "113": Meaning(Blocked, "this machine's address is not on the account's white list", "amo-white-list"),
    "203": Meaning(Refused, "the CRM failed at a custom field", "amo-field"),
    "204": Meaning(Refused, "there is no such custom field", "amo-field"),
    **dict.fromkeys(("202", "244", "288"), NO_RIGHT),
    **dict.fromkeys(("225", "231", "233", "234", "236", "237", "282"), NO_OBJECT),
    **dict.fromkeys(("425", "426"), NO_CUSTOMERS),
}
"""By the code in the body, which is older than API v4 and decides where there is one."""
BY_PATH: Final[Mapping[str, str]] = {
    "custom_fields_values": "amo-field",
    "responsible_user_id": "amo-user",
    "entity_id": "amo-object",
    "entity_type": "amo-object",
    "id": "amo-object",
    "task_type_id": "amo-task-type",
}
"""Advice by the member that was refused (the first word of a flaw's path)."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """One wrong member of an array, from `validation-errors`; never the values, which are people's."""

    place: str
    """The `request_id` of the array's member, else its index."""
    code: str
    path: str

    @property
    def word(self) -> str:
        """The member of the object that is wrong."""
        return self.path.partition(".")[0]


class Invalid(Refused):
    """A refusal that names what is wrong with which member of the array."""

    def __init__(self, flaws: Sequence[Flaw], *, portal: str, call: str, code: str, advice: str) -> None:
        advice = next((BY_PATH[flaw.word] for flaw in flaws if flaw.word in BY_PATH), advice)
        text = "; ".join(f"{flaw.code} at {flaw.path}" for flaw in flaws[:5])
        super().__init__(text, portal=portal, call=call, code=code, advice=advice)
        self.flaws = flaws

    def of(self, place: int) -> Invalid | None:
        """What was said about this member of the array; None: nothing."""
        own = [flaw for flaw in self.flaws if flaw.place == str(place)]
        if not own:
            return None
        return Invalid(own, portal=self.portal, call=self.call, code=self.code, advice=self.advice)


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns what an account answered into an error of ours."""

    portal: str
    app: bool
    """Whether we are connected by OAuth."""

    def error(self, reply: Reply, call: str, *, writing: bool) -> CrmError | None:
        """The error of a request; None: it succeeded."""
        status = reply.status
        if 200 <= status < 300 and (reply.json is not None or status in (202, 204)):
            return None
        code, means = _meaning(reply, call)
        kind = Unavailable if means.kind is Ambiguous and not writing else means.kind
        wait = _retry_after(reply) if kind is Throttled else means.wait
        advice = (self.app and means.advice_app) or means.advice
        flaws = list(_flaws(reply.json)) if kind is Refused else []
        if flaws:
            return Invalid(flaws, portal=self.portal, call=call, code=code, advice=advice)
        return kind(means.text, portal=self.portal, call=call, code=code, wait=wait, advice=advice)


def _meaning(reply: Reply, call: str) -> tuple[str, Meaning]:
    status = reply.status
    if 200 <= status < 300:
        return str(status), UNREADABLE
    if 300 <= status < 400:
        return str(status), MOVED
    code = _code(reply.json)
    if code in BY_CODE:
        return code, BY_CODE[code]
    if status == 402 and call.rpartition(" ")[2].startswith(CUSTOMERS):
        return str(status), NO_CUSTOMERS
    table = BY_STATUS if isinstance(reply.json, dict) else PAGES
    return str(status), table.get(status, NO_ANSWER if status >= 500 else UNKNOWN)


def _code(body: Any) -> str:
    """The older code, wherever a body has it; empty where there is none."""
    if not isinstance(body, dict):
        return ""
    inner = body.get("response")
    for place in (body, inner if isinstance(inner, dict) else {}):
        for name in ("code", "error_code"):
            if place.get(name) not in (None, ""):
                return str(place[name])
    return ""


def _retry_after(reply: Reply) -> float:
    body = reply.json if isinstance(reply.json, dict) else {}
    for named in (body.get("retry_after"), reply.headers.get("retry-after")):
        try:
            seconds = float(named) if named is not None else 0.0
        except (TypeError, ValueError):
            continue
        if seconds > 0:
            return min(seconds, LONGEST_WAIT)
    return USUAL_WAIT


def _flaws(body: Any) -> Iterator[Flaw]:
    entries = body.get("validation-errors") if isinstance(body, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        errors = entry.get("errors") if isinstance(entry, dict) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                place = str(entry.get("request_id", ""))
                yield Flaw(place=place, code=str(error.get("code"))[:50], path=str(error.get("path"))[:100])
