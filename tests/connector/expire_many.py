"""A process that calls an amoCRM account from several threads at once, as often as it is told by its input.

Arguments: database, key file, description of the portal (JSON), threads. One line of input is one round; one line of
output: the statuses that the threads' calls ended with. Between the rounds somebody ends the access token.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from amocrm_portal import app_of
from pydantic import SecretStr

from connector.crm.amocrm.door import Door
from connector.crm.port import Connection
from connector.errors import CrmError
from connector.log import set_up_logging
from connector.store.opening import open_store
from connector.vault import open_vault


class FreePacer:
    """Limits out of the way."""

    def wait_turn(self) -> None:
        """At once."""

    def push_back(self, seconds: float) -> None:
        """Nothing to obey."""


def main(database: str, key: str, described: str, threads: str) -> None:
    set_up_logging("error")
    store, told = open_store(database), json.loads(described)
    app = app_of(told, store, open_vault(Path(key), store))
    door = Door(Connection(portal="south", url=SecretStr(told["base_url"]), app=app), FreePacer())

    def call(_: int) -> str:
        try:
            return str(door.call("GET", "account", name="account").status)
        except CrmError as error:
            return f"{type(error).__name__} {error.code} {error.advice}"

    with ThreadPoolExecutor(int(threads)) as pool:
        for _ in sys.stdin:
            sys.stdout.write(json.dumps(list(pool.map(call, range(int(threads))))) + "\n")
            sys.stdout.flush()
    door.close()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
