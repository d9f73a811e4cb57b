"""The commands as an operator types them: what is said, and the exit code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from sandbox_fixture import run_sandbox
from story.world import hurry

from connector.sandbox.installation import Installation, free_port

ROOT = Path(__file__).resolve().parents[2]
REGULATION = """\
version: 1
title: {ru: Регламент, en: Regulation}
calendar: RU
work_hours: 09:00-18:00
rules:
  - id: first-contact
    title: {ru: Первый контакт, en: First contact}
    for: deal
    if: {phase: negotiate}
    touch: {due: 15 working minutes after deal.created}
    task:
      text: "Позвонить: {client.name}"
      assign_to: owner
    pay: regulation
  - id: planned-touch
    title: {ru: Плановое касание, en: Planned touch}
    for: client
    if: {state: between}
    touch: {every: 14 days after last_touch}
    task:
      text: "Позвонить"
      assign_to: client_manager
    escalate: [{after: 7 days, to: head}]
    pay: planned_touch
"""
PLANTED = (
    ("phase: negotiate", "phase: negotiations", "9:17", "unknown-phase"),
    ("{client.name}", "{client.nmae}", "12:25", "unknown-placeholder"),
    ("14 days after", "14 d after", "19:20", "bad-duration"),
    ("client_manager", "director", "22:18", "unknown-role"),
    ("escalate:", "escalates:", "23:5", "unknown-key"),
)
"""What was right, the mistake, where it stands, and its code."""


def app(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python app.py …` in production, from a folder of its own."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("KASANIE_")}
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        cwd=folder,
        env={**known, "KASANIE_LANG": "en", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def said(run: subprocess.CompletedProcess[str]) -> str:
    """Everything that was said; a stack trace never is."""
    text = run.stdout + run.stderr
    assert "Traceback" not in text, text
    return text


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A Kasanie beside a running sandbox that has served its portals once."""
    with run_sandbox(clients=6, rate=100, burst=1000) as sandbox:
        installation = Installation(tmp_path_factory.mktemp("cli"), sandbox.portals[0]["base_url"])
        installation.install()
        hurry(installation.folder / "config.yaml")
        served = installation.run("work", "--drain", check=False)
        assert served.returncode == 0, served.stderr
        yield installation


@pytest.fixture
def spare_map(installed: Installation) -> Iterator[Path]:
    """The Bitrix24 portal's map, to be spoilt; it is mended afterwards."""
    path = installed.folder / "portals" / "bitrix24-1" / "portal.yaml"
    text = path.read_text(encoding="utf-8")
    yield path
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_five_planted_mistakes_get_five_located_problems_in_one_run(lang: str, tmp_path: Path) -> None:
    text = REGULATION
    for right, wrong, _, _ in PLANTED:
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    (tmp_path / "regulation.yaml").write_text(text, encoding="utf-8")
    run = app(tmp_path, "check", "regulation.yaml", "--lang", lang)
    assert run.returncode == 1
    found = re.findall(r"^regulation\.yaml:(\d+:\d+): (.*) \[([a-z-]+)\]$", said(run), re.MULTILINE)
    assert [(place, code) for place, _, code in found] == [(place, code) for _, _, place, code in PLANTED]
    russian = [bool(re.search("[а-яё]", sentence)) for _, sentence, _ in found]
    assert russian == [lang == "ru"] * 5
    assert run.stdout.count("^~~~") == 5


def test_the_same_file_without_the_mistakes_is_fine(tmp_path: Path) -> None:
    (tmp_path / "regulation.yaml").write_text(REGULATION, encoding="utf-8")
    run = app(tmp_path, "check", "regulation.yaml")
    assert (run.returncode, said(run)) == (0, "No problems.\n")


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    run = app(tmp_path, "check", "nowhere.yaml", "--lang", "en")
    assert run.returncode == 1
    assert "nowhere.yaml" in said(run)


def test_a_whole_installation_is_fine_also_against_its_live_crms(installed: Installation) -> None:
    assert installed.run("check", check=False).returncode == 0
    for portal in ("bitrix24-1", "amocrm-1"):
        run = installed.run("check", "--portal", portal, check=False)
        assert run.returncode == 0, said(run)


def test_against_the_live_crm_unmapped_stages_and_unknown_fields_are_found(
    installed: Installation, spare_map: Path
) -> None:
    spoilt = yaml.safe_load(spare_map.read_text(encoding="utf-8"))
    stage = spoilt["map"]["phases"]["offer"].pop()
    spoilt["map"]["fields"]["client.segment"] = ["company.UF_CRM_SEGMNT"]
    spare_map.write_text(yaml.safe_dump(spoilt, allow_unicode=True), encoding="utf-8")
    assert installed.run("check", check=False).returncode == 0, "only the CRM can tell"
    run = installed.run("check", "--portal", "bitrix24-1", "--lang", "en", check=False)
    assert run.returncode == 1
    text = said(run)
    assert re.search(rf"portals/bitrix24-1/portal\.yaml:\d+:\d+: .*{re.escape(stage)}.*\[unmapped-stage\]", text)
    assert re.search(r"portals/bitrix24-1/portal\.yaml:\d+:\d+: .*company\.UF_CRM_SEGMNT.*\[unknown-field\]", text)
    assert "hint: did you mean 'company.UF_CRM_SEGMENT'?" in text


def test_a_crm_that_does_not_answer_is_exit_code_three(installed: Installation, tmp_path: Path) -> None:
    lonely = Installation(tmp_path / "kasanie", installed.control)
    shutil.copytree(installed.folder, lonely.folder)
    config = yaml.safe_load((lonely.folder / "config.yaml").read_text(encoding="utf-8"))
    config["portals"]["amocrm-1"]["url"] = f"http://127.0.0.1:{free_port()}"
    (lonely.folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    run = lonely.run("check", "--portal", "amocrm-1", check=False)
    assert run.returncode == 3
    assert "amocrm-1" in said(run)
    assert config["portals"]["amocrm-1"]["token"] not in said(run)


def test_wrong_use_is_exit_code_two(installed: Installation, tmp_path: Path) -> None:
    assert app(tmp_path, "tidy").returncode == 2
    assert app(tmp_path, "serve", "--harder").returncode == 2
    for arguments in (
        ("check", "--portal", "west"),
        ("explain", "west", "company:1"),
        ("init", "west"),
        ("init", "amocrm-1", "--from", "b3b"),
    ):
        run = installed.run(*arguments, check=False)
        assert run.returncode == 2, arguments
        assert ("amocrm-1" in run.stderr) == (arguments[1:3] != ("amocrm-1", "--from"))
        said(run)


def test_explain_tells_of_a_known_client_and_names_others_for_an_unknown_one(installed: Installation) -> None:
    number = installed.ask("cards?portal=bitrix24-1&title=Северсталь-Метиз")["company"][0]["id"]
    for lang, words in (("ru", "Плановое касание А"), ("en", "Planned touch, segment A")):
        known = installed.run(
            "explain", "bitrix24-1", f"company:{number}", "--rule", "planned-touch-a", "--lang", lang, check=False
        )
        assert known.returncode == 0
        assert known.stdout.startswith(f"{words} (planned-touch-a, company:{number})")
        assert "first-contact" not in known.stdout
    unknown = installed.run("explain", "bitrix24-1", "company:999999", check=False)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "company:999999" in unknown.stderr
    assert re.search(r"(company|contact|deal):\d+.*(company|contact|deal):\d+", said(unknown))


def test_init_makes_what_is_missing_and_never_overwrites(installed: Installation) -> None:
    folder = installed.folder / "portals" / "amocrm-1"
    regulation, dossier = folder / "regulation.yaml", folder / "dossier.yaml"
    kept = regulation.read_bytes()
    regulation.write_bytes(kept + b"# mine\n")
    dossier.unlink()
    try:
        assert installed.run("init", "amocrm-1", check=False).returncode == 0
        assert dossier.exists()
        again = installed.run("init", "amocrm-1", check=False)
        assert again.returncode == 2
        assert "amocrm-1" in said(again)
        assert regulation.read_bytes() == kept + b"# mine\n"
    finally:
        regulation.write_bytes(kept)


@pytest.mark.parametrize("with_env", [False, True])
def test_the_example_settings_as_they_are_do_not_start_in_production(with_env: bool, tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", tmp_path / "config.yaml")
    if with_env:
        shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    run = app(tmp_path, "serve")
    assert run.returncode == 2
    assert "sandbox" in run.stderr
    assert re.search(r"^config\.yaml:\d+:\d+: ", said(run), re.MULTILINE)
    assert "sandbox-long-lived-token" not in run.stderr
    assert not (tmp_path / "state").exists()


def test_the_example_settings_are_valid_in_the_sandbox(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", tmp_path / "config.yaml")
    for portal in ("north", "south"):
        assert app(tmp_path, "init", portal, KASANIE_SANDBOX="1").returncode == 0
    run = app(tmp_path, "check", KASANIE_SANDBOX="1")
    assert run.returncode == 0, said(run)


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_failpoint_outside_the_sandbox_stops_the_start(command: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("portals: {}\n", encoding="utf-8")
    run = app(tmp_path, command, KASANIE_FAILPOINT="judged")
    assert run.returncode == 2
    assert "KASANIE_FAILPOINT" in said(run)
    assert not (tmp_path / "state").exists()


def test_no_settings_at_all_are_told_in_a_sentence(tmp_path: Path) -> None:
    for command in (("serve",), ("work",), ("explain", "main", "company:1"), ("init", "main")):
        run = app(tmp_path, *command)
        assert run.returncode == 2
        assert "config.example.yaml" in said(run)
