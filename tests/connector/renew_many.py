"""A process that renews the tokens of one portal from several threads at once, as often as it is told by its input.

Arguments: database, key file, description of the portal (JSON), threads, seconds of the lock. A line of input is the
generation whose access token has expired; one line of output: the generations that the threads got for it.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from app_portal import app_of

from connector.crm.bitrix24.oauth import renewal
from connector.errors import CrmError
from connector.log import set_up_logging
from connector.store.opening import open_store
from connector.vault import open_vault


def main(database: str, key: str, described: str, threads: str, lock_seconds: str) -> None:
    set_up_logging("warning")
    store = open_store(database)
    app = app_of(json.loads(described), store, open_vault(Path(key), store), float(lock_seconds))
    ask = renewal(app, "north")

    def renew(_: int) -> str:
        try:
            return str(app.keeper.renew(stale, ask).generation)
        except CrmError as error:
            return f"{type(error).__name__} {error.code} {error.advice}"

    with ThreadPoolExecutor(int(threads)) as pool:
        for line in sys.stdin:
            stale = replace(app.keeper.current(), generation=int(line))
            sys.stdout.write(json.dumps(list(pool.map(renew, range(int(threads))))) + "\n")
            sys.stdout.flush()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
