"""Tokens that count once: their names are kept until they have expired."""

from __future__ import annotations

import time

import sqlalchemy as sa

from connector.store.tables import used_token
from connector.store.transactions import Part


class UsedTokens(Part):
    """The widget's disposable tokens (facts/amocrm.md 1.7)."""

    def use_once(self, portal: str, name: str, until_real: float) -> bool:
        """See Store."""
        expired = sa.delete(used_token).where(used_token.c.portal == portal, used_token.c.until_real < time.time())
        insert = self._db.insert(used_token).values(portal=portal, name=name, until_real=until_real)
        first = insert.on_conflict_do_nothing(index_elements=["portal", "name"]).returning(used_token.c.name)
        with self._db.write() as connection:
            connection.execute(expired)
            return connection.execute(first).first() is not None
