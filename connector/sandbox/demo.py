"""`make demo`: two invented CRMs, the receiver, a worker, and a story played on both; `--once` checks it and exits."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import requests

from connector.sandbox.installation import HOOK_SECRET, Installation, wait_for
from connector.sandbox.story import Stage, play, sum_up

ROOT: Final = Path(__file__).resolve().parents[2]
SENTENCES: Final = {
    "starting": (
        "Запускаю две вымышленные CRM, приёмник и рабочий процесс…",
        "Starting two invented CRMs, the receiver and a worker…",
    ),
    "summary": (
        "Итого: спрошено касаний – {asked}, записано оценок – {written}, повторов – {duplicates}.",
        "In all:",
    ),
    "pages": (
        "Посмотрите сами – двигайте сделки, звоните, заполняйте досье, переводите часы:",
        "Look for yourself: move deals, call, fill the dossier, turn the clock:",
    ),
    "receiver": ("Приёмник вебхуков", "The receiver of webhooks"),
    "secrets": (
        "Секреты для curl из README: токен Битрикс24 – {token}; адрес amoCRM – {amo}",
        "Secrets for the curl lines of the README: Bitrix24 token {token}; amoCRM address {amo}",
    ),
    "end": ("Ctrl-C завершает всё.", "Ctrl-C ends all."),
    "failed": ("История не сошлась: {why}. Журналы: {folder}", "The story did not come out: {why}. Logs: {folder}"),
}


def main() -> int:
    """Play the demo; 0 when all came out, 1 when not."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--once", action="store_true", help="play the story, check it, exit")
    once = options.parse_args().once
    wanted = os.environ.get("KASANIE_LANG") or os.environ.get("LC_ALL") or os.environ.get("LANG") or "ru"
    word = wanted.lower().partition(".")[0]
    english = word not in ("c", "posix") and not word.startswith("ru")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kasanie-demo-")))
        _show(SENTENCES["starting"][english])
        described = _start_sandbox(folder, stack)
        installation = Installation(folder / "kasanie", described["portals"][0]["base_url"])
        stack.callback(installation.stop)
        stages = [Stage(installation, portal["name"], english) for portal in described["portals"]]
        try:
            installation.install()
            installation.start("serve")
            installation.wait_ready(60)
            play(stages, _show)
            summary = sum_up(stages)
        except (TimeoutError, requests.RequestException, subprocess.CalledProcessError) as error:
            return _failed(str(error), installation, english)
        _show("")
        _show(f"{summary.asked} touches asked, {summary.written} scores written, {summary.duplicates} duplicates")
        if summary.faults or summary.duplicates:
            return _failed("; ".join(summary.faults) or "duplicates", installation, english)
        if not once:
            _stay(described, installation, english)
    return 0


def _start_sandbox(folder: Path, stack: ExitStack) -> dict[str, Any]:
    """The sandbox in a process of its own; what it describes."""
    path = folder / "sandbox.json"
    process = subprocess.Popen(  # noqa: S603  # our own command line
        [sys.executable, str(ROOT / "app.py"), "sandbox", "--describe", str(path)],
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
    )
    stack.callback(_end, process)
    wait_for(path.exists, 30, "the sandbox does not start")
    described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return described


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _stay(described: dict[str, Any], installation: Installation, english: bool) -> None:
    """Tell the addresses and stay until Ctrl-C."""
    _show("")
    _show(SENTENCES["pages"][english])
    for portal in described["portals"]:
        _show(f"  {portal['name']}: {portal['base_url']}/" + ("?lang=en" if english else ""))
    receiver = f"http://127.0.0.1:{installation.port}"
    _show(f"{SENTENCES['receiver'][english]}: {receiver}")
    bitrix24 = next(portal for portal in described["portals"] if portal["crm"] == "bitrix24")
    token, amo = bitrix24["application_token"], f"{receiver}/hooks/amocrm-1/{HOOK_SECRET}"
    _show(SENTENCES["secrets"][english].format(token=token, amo=amo))
    _show(SENTENCES["end"][english])
    try:
        while all(process.poll() is None for process in installation.running):
            time.sleep(0.5)
    except KeyboardInterrupt:
        _show("")


def _failed(why: str, installation: Installation, english: bool) -> int:
    """Say what did not come out, with the end of the log: the folder goes with the demo."""
    for log in sorted(installation.folder.glob("*.log")):
        _show(f"--- {log.name}")
        _show("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:]))
    _show(SENTENCES["failed"][english].format(why=why, folder=installation.folder))
    return 1


def _show(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # the demo speaks to the person who started it


if __name__ == "__main__":
    sys.exit(main())
