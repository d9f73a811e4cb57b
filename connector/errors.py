"""Everything that can go wrong on the way to a CRM or in the settings.

ConnectorError
├── SettingsError          the operator must change a file: problems, each with a place
├── NotGenuine             a webhook that is not proven to come from our portal: answer 4xx, store nothing
├── Unreadable             genuine, yet truncated or over a bound: answer 2xx, count, reconcile at once
├── LeaseLost              another worker serves this portal now: drop everything, it will be done there
│   └── Leaving            this worker ends: drop everything, it will be done after the next start
└── CrmError               portal, call, code; `retry` says whether trying again can help
    ├── NotSent            yes   DNS, refused, TLS: the request never reached the CRM
    ├── Throttled          yes   a rate or execution limit; `wait` seconds
    ├── Unavailable        yes   5xx, HTML, cut answers of a *read*
    ├── Ambiguous          no    a write whose outcome is not known: quarantine, then look for the marker
    ├── Refused            no    validation, no such field: this one call is wrong
    ├── Gone               no    the object was deleted
    └── Blocked            no    the portal as a whole: token revoked, tariff, ban page; stop and tell a person
"""

from __future__ import annotations


class ConnectorError(Exception):
    """The root: nothing else leaves `connector` on purpose."""


class SettingsError(ConnectorError):
    """The settings cannot be used. `problems` are ready sentences, each naming file and key."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotGenuine(ConnectorError):  # noqa: N818  # a verdict about a request, not a fault of ours
    """The webhook is not proven to come from the portal it names. The reason never goes into the answer."""


class Unreadable(ConnectorError):  # noqa: N818  # a verdict about a request, not a fault of ours
    """Proven genuine, but it cannot be read or is over a bound."""


class LeaseLost(ConnectorError):  # noqa: N818  # a state, not a fault
    """Another worker holds the portal's lease now."""


class Leaving(LeaseLost):
    """This worker was asked to end."""


class CrmError(ConnectorError):
    """A call to a CRM failed. The text never holds a URL or a secret."""

    retry = False
    """Whether trying the same call again can help."""

    def __init__(
        self, text: str, *, portal: str = "", call: str = "", code: str = "", wait: float = 0.0, advice: str = ""
    ) -> None:
        super().__init__(f"{portal}: {call}: {text}" + (f" [{code}]" if code else ""))
        self.text = text
        self.portal = portal
        self.call = call
        self.code = code
        self.wait = wait
        """Seconds to leave the portal (or this method) alone; 0: the caller's own back-off."""
        self.advice = advice
        """What a person can do: a code of `connector.sentences.crm_errors`; empty when there is nothing to do."""


class NotSent(CrmError):  # noqa: N818  # named by what became of the call
    """The request never reached the CRM."""

    retry = True


class Throttled(CrmError):  # noqa: N818  # named by what became of the call
    """A limit of the CRM."""

    retry = True


class Unavailable(CrmError):  # noqa: N818  # named by what became of the call
    """A read failed on the CRM's side."""

    retry = True


class Ambiguous(CrmError):  # noqa: N818  # named by what became of the call
    """A write was sent and its outcome is not known."""


class Refused(CrmError):  # noqa: N818  # named by what became of the call
    """The CRM understood and said no to this one call."""


class Gone(CrmError):  # noqa: N818  # named by what became of the call
    """The object does not exist any more."""


class Blocked(CrmError):  # noqa: N818  # named by what became of the call
    """The whole portal is closed to us until a person acts."""
