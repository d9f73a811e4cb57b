"""Docs that could rot: links, the rule of the READMEs, dependencies, commands, settings, decisions, words."""

import re
import tomllib
from pathlib import Path

import pytest

from connector.cli import commands
from connector.settings import LogSettings, PortalConnection, SettingsFile, Waits
from rules.problems import has_errors
from rules.reader import read_regulation

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "connector").rglob("README.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "README.ru.md"])
def test_the_rule_of_the_readme_is_one_that_check_accepts(name: str) -> None:
    block = re.search(r"```yaml\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    head = "version: 1\ntitle: {ru: Пример, en: Example}\ncalendar: RU\nwork_hours: 09:00-18:00\n"
    means = "means: {key: {segment: A}}\nsegments: {field: client.segment}\nrules:\n"
    rule = "".join(f"  {line}\n" for line in block[1].splitlines())
    problems = read_regulation(head + means + rule, name).problems
    assert not has_errors(problems), problems


def test_every_dependency_earns_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    names = {re.split(r"[\[>=<]", line)[0] for line in wanted}
    told = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert {name for name in names if not re.search(rf"\b{re.escape(name)}\b", told)} == set()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-test.lock"])
def test_locks_have_hashes_and_name_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z0-9][^\s=]*==\S+", text, re.MULTILINE)
    assert pinned
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "index-url" not in text
    assert "find-links" not in text
    assert "://" not in re.sub(r"#.*", "", text)


def test_every_command_is_told_of_in_both_readmes() -> None:
    readmes = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ru.md")]
    docs = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    untold = {name for name in commands.commands if not all(f"app.py {name}" in text + docs for text in readmes)}
    assert untold == set()


def test_every_setting_is_in_the_example() -> None:
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    keys = {key for model in (SettingsFile, PortalConnection, LogSettings, Waits) for key in model.model_fields}
    assert {key for key in keys if f"{key}:" not in example} == set()


def test_every_page_that_the_code_names_exists() -> None:
    sources = [path for folder in ("rules", "connector") for path in (ROOT / folder).rglob("*.py")]
    named = {page for path in sources for page in re.findall(r"docs/[a-z0-9/-]+\.md", path.read_text(encoding="utf-8"))}
    assert {page for page in named if not (ROOT / page).exists()} == set()


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in folder.glob("0*.md") if page.name not in listed] == []


def test_the_two_readmes_say_the_same_commands() -> None:
    def code(name: str) -> set[str]:
        blocks = re.findall(r"```\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        return {
            line.split("#")[0].strip()
            for block in blocks
            for line in block.splitlines()
            if line.startswith(("make", ".venv"))
        }

    assert code("README.ru.md") == code("README.md")
