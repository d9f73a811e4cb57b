"""The Bitrix24 portal as the connector sees it (`port.Crm`), reached by a webhook or as an application."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zoneinfo import ZoneInfo

from connector.crm.bitrix24.api import Api
from connector.crm.bitrix24.directory import create_score_fields, read_directory
from connector.crm.bitrix24.examination import examine
from connector.crm.bitrix24.looking import find_made
from connector.crm.bitrix24.pull import FactReader
from connector.crm.bitrix24.reading import Reader
from connector.crm.bitrix24.sending import Sender
from connector.crm.bitrix24.sharing import REQUESTS
from connector.crm.bitrix24.subscriptions import Subscriptions
from connector.crm.http import Session
from connector.crm.port import Connection, Directory, Effect, Finding, Outcome, Pacer, Page, QueuedBells, Ref


class Bitrix24:
    """An opened portal. All its requests pass the pacer; up to 8 are in the air at once."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._portal = connection.portal
        self._zone = ZoneInfo(connection.zone)
        self._offline_wished = connection.offline_events
        self._session = Session(connection.portal, pacer, read_timeout=connection.read_timeout)
        self._threads = ThreadPoolExecutor(REQUESTS, thread_name_prefix=f"crm-{connection.portal}")
        self._api = Api(self._session, connection, pacer)
        self._read = Reader(self._api, connection.portal, self._threads)
        self._facts = FactReader(connection.wanted, self._zone, self._read)
        self._subscriptions = (
            Subscriptions(self._api, self._read, queued=connection.offline_events) if connection.app else None
        )
        self._sender = Sender(
            self._api,
            self._read,
            self._threads,
            connection.portal,
            self._zone,
            cards=connection.app is not None,
            names_itself=self._names_itself,
        )

    def __repr__(self) -> str:
        return f"Bitrix24({self._portal})"

    def close(self) -> None:
        """Give threads and connections back."""
        self._threads.shutdown()
        self._session.close()

    def directory(self) -> Directory:
        """Funnels, users and fields. Raises CrmError."""
        self._facts.forget_types()
        return read_directory(self._read, self._zone.key)

    def prepare(self) -> None:
        """Create our score fields on companies and contacts where they are missing. Raises CrmError."""
        create_score_fields(self._api, self._read)

    def pull(self, cursors: Mapping[str, str], named: Collection[Ref]) -> Iterator[Page]:
        """What changed since the cursors, then the named refs that did not come by themselves. Raises CrmError.

        A feed that fails does not hold up the others; its error is raised when they are done.
        """
        yield from self._facts.pull(cursors, named)

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """Carry the effects out, side by side; one outcome each, as they come. Raises LeaseLost only."""
        return self._sender.send(effects)

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Tasks by XML_ID or the marker in their text, proposals and notes by their markers. Raises CrmError."""
        return find_made(effects, since, self._read)

    def batch_size(self) -> int:
        """How many effects may be started at once now."""
        return self._sender.batch_size()

    def read_queue(self) -> QueuedBells | None:
        """The next events of the portal's queue, where it keeps one for us. Raises CrmError."""
        return self._subscriptions.read_queue() if self._subscriptions else None

    def clear_queue(self, receipt: str) -> None:
        """What was read lies in our tables. Raises CrmError."""
        if self._subscriptions:
            self._subscriptions.clear_queue(receipt)

    def examine(self, hook_url: str | None) -> Sequence[Finding]:
        """Rights, fields, subscriptions, and what a webhook cannot do. Raises CrmError."""
        return examine(self._read, self._subscriptions, hook_url, offline_wished=self._offline_wished)

    def lost_hooks(self, hook_url: str) -> Sequence[str]:
        """Events that should come and are not bound; of a webhook nobody can tell. Raises CrmError."""
        return self._subscriptions.lost(hook_url) if self._subscriptions else ()

    def bind_hooks(self, hook_url: str) -> None:
        """Bind them; harmless to repeat. Raises CrmError."""
        if self._subscriptions:
            self._subscriptions.bind(hook_url)

    def _names_itself(self) -> bool:
        """Whether our writes say that they are ours, which keeps them out of the portal's queue. Raises CrmError."""
        subscriptions = self._subscriptions
        return subscriptions is not None and subscriptions.queue_works and subscriptions.names_itself
