"""Installed applications: their secrets as ciphertext, one renewal of tokens at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from connector.store.applications import InstallRow, NewInstall
from connector.store.doorbell import hooks_unseen, wish_reconciliation
from connector.store.tables import client, cursor, dirty, fact, link, score, verdict
from connector.store.tables import install as installs
from connector.store.tables import portal as portals
from connector.store.transactions import Part, RealNow, lock_portal

SECRETS: Final = ("application_token", "access", "refresh")
REFUSED_SECONDS: Final = 60.0
_TRACES: Final = (fact, link, cursor, dirty, client, verdict, score)
_UNLOCKED: Final[Mapping[str, Any]] = {"lock_by": None, "lock_until_real": 0}


class Installs(Part):
    """See `connector.store.applications.Applications`."""

    def installation(self, portal: str) -> InstallRow | None:
        """See Applications."""
        row = installs.c
        query = sa.select(
            installs,
            (row.lock_until_real > RealNow()).label("locked"),
            (row.hooks_real == 0).label("hooks_new"),
            (row.refused_real > 0).label("refused"),
            (row.refused_real > RealNow() - REFUSED_SECONDS).label("refused_lately"),
        ).where(row.portal == portal)
        with self._db.read() as connection:
            found = connection.execute(query).mappings().one_or_none()
        return InstallRow(**{name: found[name] for name in InstallRow.__dataclass_fields__}) if found else None

    def save_install(self, portal: str, install: NewInstall, now: datetime) -> bool:
        """See Applications."""
        with self._db.write() as connection:
            row = lock_portal(connection, portal)
            if row is None or row["account"] not in (None, install.member_id):
                return False
            known = _now(connection, portal)
            token = install.application_token or (known["application_token"] if known else "")
            values = {
                "portal": portal,
                "member_id": install.member_id,
                "application_token": token,
                "access": install.access,
                "refresh": install.refresh,
                "generation": (known["generation"] if known else 0) + 1,
                "scope": install.scope,
                "user_id": install.user_id,
                "installed_at": now,
                "removed_at": None,
                "clean": False,
                "refused_real": 0.0,
                "hooks_real": 0.0,
                "expires_real": 0.0,
                **_UNLOCKED,
            }
            self._db.put(connection, installs, [values])
            _change(connection, portal, {"expires_real": RealNow() + install.seconds})
            connection.execute(
                sa.update(portals)
                .where(portals.c.portal == portal)
                .values(
                    account=install.member_id,
                    host=install.host,
                    host_was=install.host_was,
                    directory_at=None,
                    problem=None,
                    parked_until_real=0,
                )
            )
            wish_reconciliation(connection, portal)
        return True

    def save_application_token(self, portal: str, application_token: str) -> None:
        """See Applications."""
        with self._db.write() as connection:
            _change(connection, portal, {"application_token": application_token, "hooks_real": 0})

    def remove_install(self, portal: str, now: datetime, *, clean: bool) -> None:
        """See Applications."""
        gone: dict[str, Any] = dict.fromkeys(SECRETS, "")
        with self._db.write() as connection:
            lock_portal(connection, portal)  # first, as everywhere
            _change(connection, portal, {**gone, **_UNLOCKED, "removed_at": now, "clean": clean})
            connection.execute(
                sa.update(portals).where(portals.c.portal == portal).values(problem=None, parked_until_real=0)
            )
            wish_reconciliation(connection, portal)  # whoever takes the lane parks it, or forgets it

    def forget_portal(self, portal: str) -> None:
        """See Applications."""
        with self._db.write() as connection:
            lock_portal(connection, portal)
            for table in _TRACES:
                connection.execute(sa.delete(table).where(table.c.portal == portal))
            connection.execute(
                sa.update(portals).where(portals.c.portal == portal).values(directory=None, directory_at=None)
            )
            _change(connection, portal, {"clean": False})

    def lock_tokens(self, portal: str, by: str, seconds: float) -> bool:
        """See Applications."""
        statement = (
            sa.update(installs)
            .where(installs.c.portal == portal, installs.c.lock_until_real <= RealNow(), installs.c.access != "")
            .values(lock_by=by, lock_until_real=RealNow() + seconds)
        )
        with self._db.write() as connection:
            return connection.execute(statement).rowcount == 1

    def save_tokens(self, portal: str, by: str, access: str, refresh: str, seconds: float) -> bool:
        """See Applications."""
        values = {
            "access": access,
            "refresh": refresh,
            "generation": installs.c.generation + 1,
            "expires_real": RealNow() + seconds,
            "refused_real": 0,
            **_UNLOCKED,
        }
        with self._db.write() as connection:
            return _change(connection, portal, values, by)

    def free_tokens(self, portal: str, by: str, *, refused: bool = False) -> None:
        """See Applications."""
        values = {**_UNLOCKED, **({"refused_real": RealNow()} if refused else {})}
        with self._db.write() as connection:
            _change(connection, portal, values, by)

    def hooks_due(self, portal: str) -> bool:
        """See Applications."""
        with self._db.read() as connection:
            return bool(connection.execute(sa.select(hooks_unseen(sa.literal(portal)))).scalar_one())

    def hooks_seen(self, portal: str) -> None:
        """See Applications."""
        with self._db.write() as connection:
            _change(connection, portal, {"hooks_real": RealNow()})

    def sealed_secrets(self) -> list[str]:
        """See Applications."""
        with self._db.read() as connection:
            rows = connection.execute(sa.select(*(installs.c[name] for name in SECRETS)))
            return [sealed for row in rows for sealed in row if sealed]

    def reseal(self, anew: Callable[[str], str]) -> int:
        """See Applications."""
        count = 0
        with self._db.write() as connection:
            rows = connection.execute(sa.select(installs).with_for_update()).mappings().all()
            for row in rows:
                changed = {name: anew(row[name]) for name in SECRETS if row[name]}
                count += len(changed)
                if changed:
                    _change(connection, row["portal"], changed)
        return count


def _now(connection: sa.Connection, portal: str) -> sa.RowMapping | None:
    return connection.execute(sa.select(installs).where(installs.c.portal == portal)).mappings().one_or_none()


def _change(connection: sa.Connection, portal: str, values: Mapping[str, Any], by: str | None = None) -> bool:
    """Change the portal's row, with `by` only while he holds the lock; whether there was one to change."""
    statement = sa.update(installs).where(installs.c.portal == portal).values(**values)
    if by is not None:
        statement = statement.where(installs.c.lock_by == by)
    return connection.execute(statement).rowcount == 1
