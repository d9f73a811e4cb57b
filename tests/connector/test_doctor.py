"""`doctor`: what a person reads about a portal, what `--fix` mends, and the exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import yaml
from sandbox_fixture import Sandbox, run_sandbox
from store_rows import asked, intent, judged

from connector.crm.port import Outcome
from connector.sandbox.installation import Installation
from connector.store import Store
from connector.store.opening import open_store

NOW = datetime(2026, 9, 22, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with run_sandbox(clients=5) as running:
        yield running


@pytest.fixture(scope="module")
def installed(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Bitrix24 by webhooks and amoCRM; nothing was served yet."""
    made = Installation(tmp_path_factory.mktemp("doctor"), sandbox.portals[0]["base_url"])
    made.install()
    return made


@pytest.fixture
def tables(installed: Installation) -> Iterator[Store]:
    with closing(open_store(f"sqlite:///{installed.folder / 'state' / 'kasanie.db'}")) as store:
        yield store


def doctor(installed: Installation, *options: str, lang: str = "en") -> CompletedProcess[str]:
    done = installed.run("doctor", "--lang", lang, *options, check=False)
    assert "Traceback" not in done.stderr
    return done


def test_first_look_fix_second_look(installed: Installation, sandbox: Sandbox) -> None:
    first = doctor(installed)
    assert first.returncode == 1
    assert "bitrix24-1 (Bitrix24, webhooks)" in first.stdout
    assert "amocrm-1 (amoCRM, a long-lived token)" in first.stdout
    assert "UF_CRM_KASANIE_FILL" in first.stdout
    assert "connected by webhooks" in first.stdout  # what this way cannot do

    fixed = doctor(installed, "--fix")
    assert fixed.returncode == 0, fixed.stdout
    assert "problem" not in fixed.stdout
    again = doctor(installed, lang="ru")
    assert again.returncode == 0
    assert "bitrix24-1 (Битрикс24, вебхуки)" in again.stdout
    assert "в порядке" in again.stdout
    assert [task for task in sandbox.ledger()["tasks"] if task.get("marker")] == []  # it only looks


def test_one_portal_by_its_name(installed: Installation) -> None:
    assert "amocrm-1" not in doctor(installed, "--portal", "bitrix24-1").stdout
    unknown = doctor(installed, "--portal", "west")
    assert unknown.returncode == 2
    assert "bitrix24-1" in unknown.stderr


def test_what_our_tables_know_is_told(installed: Installation, tables: Store) -> None:
    name = "bitrix24-1"
    tables.add_portal(name, "bitrix24", rate=2, burst=50)
    entry = asked()
    effect = intent(entry).effect
    tables.mark_clients(name, ["company:1"])
    tables.record(name, [judged(entry, intents=(intent(entry),))], NOW)
    assert tables.take_lease(name, "me", 30)
    assert tables.start_effects(name, "me", [effect.key], 30, 30)
    refusal = Outcome(key=effect.key, status="refused", code="ERROR_CORE", text="a field is mandatory")
    tables.settle_effects(name, [refusal], NOW)
    tables.park(name, "because of the weather", 900)
    tables.note(name, "install.refused", "member-of-a-stranger", {}, NOW)
    told = doctor(installed, "--portal", name)
    tables.park(name, None)
    tables.release_lease(name, "me")
    assert told.returncode == 1
    assert "the portal is not served: because of the weather" in told.stdout
    assert "writes that the CRM refused: 1; the last one: ERROR_CORE a field is mandatory" in told.stdout
    assert "2026-09-22 07:00 UTC: an installation from another portal was refused (member-of-a-stranger)" in told.stdout


def test_what_the_map_leaves_out_is_told(installed: Installation) -> None:
    path = installed.folder / "portals" / "bitrix24-1" / "portal.yaml"
    before = path.read_text(encoding="utf-8")
    changed = yaml.safe_load(before)
    left_out = min(changed["map"]["dossier"])
    del changed["map"]["dossier"][left_out]
    changed["map"]["phases"]["offer"] = ["0:NO_SUCH_STAGE"]
    path.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")
    told = doctor(installed, "--portal", "bitrix24-1")
    path.write_text(before, encoding="utf-8")
    assert told.returncode == 1
    assert "the CRM has no stage 0:NO_SUCH_STAGE" in told.stdout
    assert f"count as empty: {left_out}" in told.stdout


def test_a_key_that_others_may_read_is_told(installed: Installation) -> None:
    key = installed.folder / "state" / "kasanie.key"
    key.chmod(0o644)
    told = doctor(installed, "--portal", "amocrm-1")
    key.chmod(0o600)
    assert told.returncode == 1
    assert "chmod 600" in told.stdout


def test_a_portal_that_is_not_reached_does_not_hide_the_others(installed: Installation, tmp_path: Path) -> None:
    path = installed.folder / "config.yaml"
    before = path.read_text(encoding="utf-8")
    config = yaml.safe_load(before)
    config["portals"]["bitrix24-1"]["url"] = "http://127.0.0.1:9/rest/1/sandbox-gone/"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    told = doctor(installed)
    path.write_text(before, encoding="utf-8")
    assert told.returncode == 3
    assert "the CRM cannot be reached" in told.stdout
    assert "sandbox-gone" not in told.stdout + told.stderr
    assert "amocrm-1 (amoCRM, a long-lived token)" in told.stdout


def test_the_key_is_changed_by_a_command(installed: Installation) -> None:
    key = installed.folder / "state" / "kasanie.key"
    before = key.read_text().split()
    assert installed.run("rotate-key").returncode == 0
    both = key.read_text().split()
    assert both[1:] == before
    assert installed.run("rotate-key", "--drop-old").returncode == 0
    assert key.read_text().split() == both[:1]
    key.write_text("not a key\n")
    refused = installed.run("rotate-key", check=False)
    key.write_text("\n".join(both) + "\n")
    assert refused.returncode == 2
    assert str(key) in refused.stderr
