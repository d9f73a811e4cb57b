"""amoCRM as the port asks for it, with a long-lived token (facts/amocrm.md 3.1)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from connector.crm.amocrm.account import Account
from connector.crm.amocrm.api import Api
from connector.crm.amocrm.pull import Pull
from connector.crm.amocrm.writing import Writer
from connector.crm.port import Connection, Directory, Effect, Outcome, Pacer, Page, Ref
from connector.errors import Unavailable


class AmoCrm:
    """An opened account (`connector.crm.port.Crm`)."""

    def __init__(self, connection: Connection, pacer: Pacer) -> None:
        self._connection = connection
        self._api = Api(connection, pacer)
        self._account = Account(self._api)
        self._writer = Writer(self._api, self._account)

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
            yield from Pull(self._api, self._account, self._connection, cursors, named).pages()
        except _SHAPES as error:
            raise self._unread("pull", error) from None

    def send(self, effects: Sequence[Effect]) -> Iterator[Outcome]:
        """Carry the effects out, tasks before scores; one outcome each."""
        return self._writer.send(effects)

    def look_up(self, effects: Sequence[Effect], since: datetime) -> Mapping[str, str]:
        """Find creating effects of unknown outcome by their markers. Raises CrmError."""
        try:
            return self._writer.look_up(effects, since)
        except _SHAPES as error:
            raise self._unread("look_up", error) from None

    def batch_size(self) -> int:
        """Members of the next array."""
        return self._writer.size

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _unread(self, call: str, error: Exception) -> Unavailable:
        """A row in a shape that no document shows; its values are people's and stay out of the text."""
        return Unavailable(
            "an answer has an unknown shape", portal=self._connection.portal, call=call, code=type(error).__name__
        )


_SHAPES = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)
