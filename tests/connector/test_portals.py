"""The files of a portal while the service runs: edited, mended, broken; and portals that are taken out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from connector.crm.port import Fact, Page
from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.portal_files import init_portal
from connector.store import Judged
from connector.worker import drain_all, run_worker

NOW = datetime(2026, 9, 22, 7, tzinfo=UTC)
CONFIG = """
waits: {{lease: 2, quarantine: 1, gather: 0, pump: 0.05, read_timeout: 1}}
portals:
  main:
    crm: bitrix24
    url: http://127.0.0.1:9/rest/1/sandbox-code/
    application_tokens: [sandbox-token]
    {more}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KASANIE_SANDBOX", "1")
    monkeypatch.delenv("KASANIE_SANDBOX_URL", raising=False)
    (tmp_path / "config.yaml").write_text(CONFIG.format(more=""), encoding="utf-8")
    return tmp_path


@pytest.fixture
def opened(folder: Path) -> Iterator[Opened]:
    made = open_all(folder / "config.yaml")
    init_portal(made.settings, "main")
    yield made
    made.close()


def file(folder: Path, name: str) -> Path:
    return folder / "portals" / "main" / name


def know_a_client(opened: Opened) -> None:
    """One client that was judged: nothing is to be done about it."""
    company = Fact(kind="company", id="1", body={"title": "Ромашка"}, changed=NOW)
    opened.store.save_page("main", Page(facts=(company,)), NOW)
    opened.store.mark_clients("main", ["company:1"])
    settle(opened)


def settle(opened: Opened) -> None:

    for row in opened.store.clients_to_judge("main", NOW, 10):
        done = Judged(client=row, asked=(), intents=(), verdicts=[], score=None, recheck_at=None, regulation="r")
        opened.store.record("main", [done], NOW)


def to_judge(opened: Opened) -> list[str]:
    return [row.ref for row in opened.store.clients_to_judge("main", NOW, 10)]


def test_a_mended_map_is_judged_anew_by_everybody(opened: Opened, folder: Path) -> None:
    opened.portals.in_force("main", NOW)
    know_a_client(opened)
    opened.portals.in_force("main", NOW)
    assert to_judge(opened) == []
    path = file(folder, "portal.yaml")
    path.write_text(
        path.read_text(encoding="utf-8").replace('new: ["0:NEW"]', 'new: ["0:NEW", "0:OTHER"]'), encoding="utf-8"
    )
    in_force = opened.portals.in_force("main", NOW)
    assert in_force is not None
    assert in_force.mapped.phase_of["0:OTHER"] == "new"
    assert to_judge(opened) == ["company:1"]


@pytest.mark.parametrize("crm", ["bitrix24", "amocrm"])
def test_what_a_rule_proposes_is_proposed_in_every_crm(folder: Path, crm: str) -> None:
    config = folder / "config.yaml"
    if crm == "amocrm":
        amocrm = {"crm": crm, "url": "http://127.0.0.1:9", "token": "sandbox-token", "hook_secret": "s" * 32}
        config.write_text(yaml.safe_dump({"portals": {"main": amocrm}}), encoding="utf-8")
    made = open_all(config)
    init_portal(made.settings, "main")
    path = file(folder, "regulation.yaml")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("      assign_to:", "      mode: propose\n      assign_to:", 1), encoding="utf-8")
    in_force = made.portals.in_force("main", NOW)
    assert in_force is not None
    assert in_force.regulation.rules[0].task.mode == "propose"
    made.close()


def test_a_broken_file_leaves_the_last_good_one_in_force(opened: Opened, folder: Path) -> None:
    good = opened.portals.in_force("main", NOW)
    assert good is not None
    for name in ("regulation.yaml", "portal.yaml"):
        path = file(folder, name)
        whole = path.read_text(encoding="utf-8")
        path.write_text("rules: [", encoding="utf-8")
        still = opened.portals.in_force("main", NOW)
        assert still is not None, name
        assert [rule.id for rule in still.regulation.rules] == [rule.id for rule in good.regulation.rules]
        path.write_text(whole, encoding="utf-8")


def test_the_last_good_regulation_survives_a_restart(opened: Opened, folder: Path) -> None:
    good = opened.portals.in_force("main", NOW)
    file(folder, "regulation.yaml").write_text("rules: [", encoding="utf-8")
    again = open_all(folder / "config.yaml")
    try:
        in_force = again.portals.in_force("main", NOW)
    finally:
        again.close()
    assert good is not None
    assert in_force is not None
    assert in_force.regulation.digest == good.regulation.digest


def test_the_lock_file_of_an_editor_disturbs_nobody(opened: Opened, folder: Path) -> None:
    file(folder, ".#regulation.yaml").symlink_to("anna@desk.1234:1")
    assert opened.portals.in_force("main", NOW) is not None


def test_explaining_puts_nothing_in_force(opened: Opened) -> None:
    assert opened.portals.current("main") is None
    assert opened.store.regulation_text("main") is None


def test_the_settings_word_on_the_account_goes_before_what_was_learnt(opened: Opened, folder: Path) -> None:
    assert opened.portals.learn("main", "wrong")
    (folder / "config.yaml").write_text(CONFIG.format(more="member_id: right"), encoding="utf-8")
    again = open_all(folder / "config.yaml")
    try:
        secrets = again.portals.secrets("main")
    finally:
        again.close()
    assert secrets is not None
    assert secrets.member_id == "right"


def test_a_portal_taken_out_of_the_settings_is_left_alone(opened: Opened) -> None:
    """Its rows stay and something of it may be due for ever; a drain comes to its end all the same."""
    opened.store.add_portal("former", "bitrix24", rate=2, burst=50)
    opened.store.park("main", "as if it were away", 600)
    flow = Flow(opened.settings, opened.store, opened.portals, opened.clock, "embedded")
    flow.serve_portal("former")
    flow.close()
    assert opened.store.take_lease("former", "somebody", 5), "nobody holds or has parked it"
    opened.store.release_lease("former", "somebody")


def test_a_crm_that_is_away_is_called_less_and_less(opened: Opened) -> None:
    """Nothing listens there: the portal is parked, with a sentence for people, and not called at every look."""
    flow = Flow(opened.settings, opened.store, opened.portals, opened.clock, "embedded")
    drain_all(opened, flow)
    row = opened.store.portal("main")
    assert row is not None
    assert row.problem is not None
    assert "main" in row.problem
    assert opened.store.ring_due(NOW, hold=0) == []
    flow.close()


def test_a_start_tries_again_what_was_parked(opened: Opened) -> None:
    opened.store.park("main", "token refused", 900)
    opened.store.add_portal("former", "bitrix24", rate=2, burst=50)
    assert run_worker(opened, drain=True) == 0
    rows = {row.name: row.problem for row in opened.store.portals()}
    assert rows["main"] is not None
    assert "token refused" not in rows["main"], "it was called anew"
    assert rows["former"] is not None
