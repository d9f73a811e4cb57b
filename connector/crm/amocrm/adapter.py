"""amoCRM as the port asks for it, with a long-lived token or by OAuth (facts/amocrm.md 3.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api
from connector.crm.amocrm.examination import Examination
from connector.crm.amocrm.finding import find
from connector.crm.amocrm.paging import AT_ONCE, Lists
from connector.crm.amocrm.pull import Pull
from connector.crm.amocrm.sending import Sender
from connector.crm.amocrm.subscriptions import Subscriptions
from connector.crm.port import Connection, Directory, Effect, Finding, Outcome, Pacer, Page, QueuedBells, Ref
from connector.errors import Unavailable


class AmoCrm:
    """An opened account (`connector.crm.port.Crm`)."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._connection = connection
        self._api = Api(connection, pacer)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"crm-{connection.portal}")
        self._lists = Lists(self._api, self._threads)
        self._account = Account(self._api)
        self._subscriptions = Subscriptions(self._api, self._account)
        self._sender = Sender(self._api, self._account, self._threads)

    def directory(self) -> Directory:
        """Pipelines, users, fields, zone and account id, read anew. Raises CrmError."""
        try:
            return self._account.directory()
        except _SHAPES as error:
            raise self._unread("directory", error) from None

    def prepare(self) -> None:
        """Create the score fields where they are missing; harmless to repeat. Raises CrmError."""
        self._account.prepare()

    def pull(self, cursors: Mapping[str, str], named: Collection[Ref]) -> Iterator[Page]:
        """Read what changed since the cursors and the named refs. Raises CrmError."""
        try:
            yield from Pull(self._api, self._lists, self._account, self._connection, cursors, named).pages()
        except _SHAPES as error:
            raise self._unread("pull", error) from None

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """Carry the effects out, tasks before scores; one outcome each."""
        return self._sender.send(effects)

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Find creating effects of unknown outcome by their markers. Raises CrmError."""
        try:
            return find(self._api, effects, since)
        except _SHAPES as error:
            raise self._unread("look_up", error) from None

    def batch_size(self) -> int:
        """Members of the arrays that may be in the air now."""
        return self._sender.batch_size()

    def read_queue(self) -> QueuedBells | None:
        """AmoCRM keeps no events for us."""
        return None

    def clear_queue(self, receipt: str) -> None:
        """There is no queue."""

    def examine(self, hook_url: str | None) -> Sequence[Finding]:
        """Whose token, rights, fields, task types, webhooks, plan. Raises CrmError."""
        looking = Examination(self._connection, self._api, self._account, self._subscriptions)
        try:
            return looking.findings(hook_url)
        except _SHAPES as error:
            raise self._unread("examine", error) from None

    def lost_hooks(self, hook_url: str) -> Sequence[str]:
        """Webhooks that should be sent to us and are not. Raises CrmError."""
        return self._subscriptions.lost(hook_url)

    def bind_hooks(self, hook_url: str) -> None:
        """Subscribe to what is lost. Raises CrmError."""
        self._subscriptions.bind(hook_url)

    def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown()
        self._api.close()

    def _unread(self, call: str, error: Exception) -> Unavailable:
        """A row in a shape that no document shows; its values are people's and stay out of the text."""
        return Unavailable(
            "an answer has an unknown shape", portal=self._connection.portal, call=call, code=type(error).__name__
        )


_SHAPES = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)
