"""Every error code of Bitrix24 that the papers name: what kind of failure it is and what a person can do about it.

Sources: facts/bitrix24.md 1.6, 2.5, 2.6, 2.7, 3.2, 4.3, 4.5, 5.1, 6.1-6.8, 7.1. The code decides, not the HTTP status:
503 is both "too fast" and "closed by hand", 500 may be a closed portal, 200 may carry an error. Codes are compared
without case. What is not in the table refuses this one call; with a status of 500 and above it is no answer at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connector.errors import Ambiguous, Blocked, CrmError, Gone, Refused, Throttled, Unavailable

TOO_FAST: Final = "query_limit_exceeded"
RAN_TOO_LONG: Final = "operation_time_limit"
EXPIRED: Final = "expired_token"
OPERATING_WAIT: Final = 60.0
"""Seconds to leave a method alone when nothing told when its execution time is given back."""
SHORTEST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 600.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says; Ambiguous stands for "no answer", which of a read is Unavailable."""

    whole: type[CrmError]
    """Said about the whole request."""
    one: type[CrmError]
    """Said about one command of a batch, or about a method in particular."""
    advice: str
    """The sentence in `connector.sentences.crm_errors`."""
    advice_app: str
    """The same for a portal that we reach as an application."""


def _rows(
    codes: str, whole: type[CrmError], one: type[CrmError], advice: str, advice_app: str | None = None
) -> Iterable[tuple[str, Meaning]]:
    return [(code, Meaning(whole, one, advice, advice_app or advice)) for code in codes.split()]


MEANINGS: Final[Mapping[str, Meaning]] = dict(
    [
        # 2.5 limits
        *_rows("query_limit_exceeded operation_time_limit", Throttled, Throttled, "crm-wait"),
        *_rows("overload_limit", Blocked, Blocked, "crm-overload"),
        # 2.6 who we are
        *_rows(
            "expired_token invalid_token no_auth_found error_oauth authorization_error not_installed"
            " application_not_found",
            Blocked,
            Blocked,
            "crm-webhook",
            "crm-install",
        ),
        *_rows("invalid_credentials", Blocked, Refused, "crm-rights"),
        *_rows("insufficient_scope", Blocked, Refused, "crm-scope", "crm-app-scope"),
        *_rows("access_denied", Blocked, Refused, "crm-tariff"),
        *_rows("user_access_error", Blocked, Blocked, "crm-app-access"),
        *_rows("allowed_only_intranet_user", Blocked, Blocked, "crm-intranet"),
        *_rows("wrong_auth_type error_wrong_context", Blocked, Refused, "crm-needs-app"),
        *_rows("payment_required", Blocked, Blocked, "crm-payment"),
        *_rows("method_confirm_waiting", Blocked, Throttled, "crm-confirm"),
        *_rows("method_confirm_denied", Blocked, Refused, "crm-confirm"),
        *_rows("portal_deleted", Blocked, Blocked, "crm-portal-closed"),
        *_rows("invalid_request", Blocked, Blocked, "crm-https"),
        *_rows("error_method_not_found", Blocked, Refused, "crm-address", "crm-no-method"),
        *_rows("error_manifest_is_not_available", Blocked, Refused, "crm-no-method"),
        *_rows("internal_server_error error_unexpected_answer", Ambiguous, Ambiguous, "crm-wait"),
        # 4 and 6: the object, its fields, the caller's rights to it
        *_rows("not_found owner_not_found", Refused, Gone, "crm-object"),
        *_rows(
            "crm_field_error_value_not_valid error_core error_parent_activity_restrict 1048582",
            Refused,
            Refused,
            "crm-fields",
        ),
        *_rows("create_dynamic_item_restricted update_dynamic_item_restricted", Refused, Refused, "crm-tariff"),
        *_rows("error_wrong_application", Refused, Refused, "crm-other-app"),
        *_rows("0 can_not_update_completed_todo", Refused, Refused, "crm-object"),
        *_rows("user_id_empty", Refused, Refused, "crm-user"),
        # 1.6 and 7.1: subscriptions and places in the portal
        *_rows("error_event_not_found error_placement_not_found", Refused, Refused, "crm-no-event"),
        *_rows("error_wrong_handler_url error_unsupported_protocol", Refused, Refused, "crm-public-url"),
        *_rows("error_placement_max_count error_placement_user_mode", Refused, Refused, "crm-placement"),
        # what we said wrongly
        *_rows(
            "100 invalid_arg_value entity_type_not_supported error_batch_method_not_allowed"
            " error_batch_length_exceeded error_argument code_empty wrong_datetime_format wrong_field_value"
            " incoming_activity_can_not_be_with_deadline error_empty_layout field_is_required field_is_redundant"
            " enum_field too_many_items key_contain_wrong_symbols wrong_lang message_empty attach_oversize"
            " attach_error error_activity_validation_failure",
            Refused,
            Refused,
            "crm-our-call",
        ),
    ]
)
"""By code in lower case."""

OAUTH_MEANINGS: Final[Mapping[str, Meaning]] = {
    **MEANINGS,
    **dict(
        [
            # 3.2, of the OAuth server
            *_rows("invalid_grant not_installed", Blocked, Blocked, "crm-install"),
            *_rows("invalid_client wrong_client invalid_request", Blocked, Blocked, "crm-app-keys"),
            *_rows("invalid_scope insufficient_scope", Blocked, Blocked, "crm-app-scope"),
        ]
    ),
}
_WAITS: Final = {TOO_FAST: 2.0, RAN_TOO_LONG: OPERATING_WAIT}
"""Seconds where nothing better is known."""
_REST3: Final = "bitrix_rest_v3_exception_"
_REST3_ENDINGS: Final = {
    "accessdeniedexception": "access_denied",
    "insufficientscopeexception": "insufficient_scope",
    "entitynotfoundexception": "not_found",
}
_MISSING: Final = re.compile(r"(?:\w+ is )?not found\b", re.IGNORECASE)
"""How the classic methods say "not found", under a code that says nothing."""
_SAYS_NOTHING: Final = frozenset({"", "0", "error_core"})
UNKNOWN: Final = Meaning(Refused, Refused, "crm-our-call", "crm-our-call")


def code_and_text(told: Any) -> tuple[str, str]:
    """`{"error": code, "error_description": text}`; the code may be empty, a number, a sentence, or of REST 3.0."""
    if not isinstance(told, dict):
        return "", str(told)
    code, text = told.get("error"), told.get("error_description")
    if isinstance(code, dict):
        text, code = code.get("message"), code.get("code")
    sentence = str(text or "no description").replace("<br>", " ").strip()
    return ("" if code is None else str(code))[:100], sentence


def meaning(code: str, text: str, table: Mapping[str, Meaning] = MEANINGS) -> Meaning:
    """What a code says, whatever its case."""
    word = code.lower()
    if word.startswith(_REST3):
        word = next((known for ending, known in _REST3_ENDINGS.items() if word.endswith(ending)), word)
    if word in _SAYS_NOTHING and _MISSING.match(text):
        word = "not_found"
    return table.get(word, UNKNOWN)


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns what a portal told into an error of ours."""

    portal: str
    app: bool
    """Whether we are an application there."""

    def error(
        self, told: Any, call: str, *, whole: bool, status: int = 200, writing: bool = True, wait: float = 0.0
    ) -> CrmError:
        """The error of the whole request or of one command.

        `wait`: seconds to leave the portal, or a method that ran too long, alone, where that is known.
        """
        code, text = code_and_text(told)
        means = meaning(code, text)
        kind = means.whole if whole else means.one
        if means is UNKNOWN and status >= 500:
            kind = Ambiguous
        if kind is Throttled:
            wait = wait or _WAITS.get(code.lower(), LONGEST_WAIT)
        if kind is Gone:
            code = code or "NOT_FOUND"
        return self.made(kind, text, call, code, means, writing=writing, wait=wait)

    def silence(self, text: str, call: str, status: int | None = None, *, writing: bool) -> CrmError:
        """Nothing that could be understood: of a write a doubt."""
        code = f"HTTP_{status}" if status is not None else ""
        return self.made(Ambiguous, text, call, code, MEANINGS["internal_server_error"], writing=writing)

    def closed(self, status: int, call: str) -> CrmError:
        """A page instead of an answer, under a status that speaks of our address or secret."""
        text = f"the portal refuses us (HTTP {status})"
        return self.made(Blocked, text, call, f"HTTP_{status}", MEANINGS["no_auth_found"])

    def elsewhere(self, call: str) -> CrmError:
        """A redirect that we do not follow."""
        text = "the portal answers under another address"
        return self.made(Blocked, text, call, "MOVED", Meaning(Blocked, Blocked, "crm-moved", "crm-moved"))

    def too_much(self, status: int, call: str) -> CrmError:
        """A limit without a word of which."""
        means = MEANINGS[RAN_TOO_LONG]
        return self.made(Throttled, "too many requests", call, f"HTTP_{status}", means, wait=LONGEST_WAIT)

    def made(
        self,
        kind: type[CrmError],
        text: str,
        call: str,
        code: str,
        means: Meaning,
        *,
        writing: bool = True,
        wait: float = 0.0,
    ) -> CrmError:
        """An error of this kind, with the advice for this way of connecting."""
        if kind is Ambiguous and not writing:
            kind = Unavailable
        wait = min(max(wait, SHORTEST_WAIT), LONGEST_WAIT) if kind is Throttled else wait
        advice = means.advice_app if self.app else means.advice
        return kind(text, portal=self.portal, call=call, code=code, wait=wait, advice=advice)


def used_up(portal: str, wait: float, method: str = "") -> Throttled:
    """What we say ourselves, before the portal has to: the method has used up its execution time."""
    text = "the execution time that the portal allows is used up"
    return Throttled(text, portal=portal, call=method, code=RAN_TOO_LONG.upper(), wait=wait, advice="crm-wait")
