"""The directions of imports, the size of modules, and the words that names may not have (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("rules", "connector")
SOURCES = [
    *sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts),
    ROOT / "app.py",
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))

TALKING = (
    "requests",
    "flask",
    "sqlalchemy",
    "socket",
    "sqlite3",
    "os",
    "random",
    "time",
    "logging",
    "connector",
    "pathlib",
)
ONLY_IN = {
    "requests": ("connector/crm/http.py", "connector/sandbox/"),
    "tenacity": ("connector/crm/http.py",),
    "sqlalchemy": ("connector/store/",),
    "alembic": ("connector/store/",),
    "flask": ("connector/web/", "connector/sandbox/", "app.py"),
    "huey": ("connector/worker.py",),
    "click": ("connector/cli.py",),
    "holidays": ("rules/calendar.py", "rules/decrees.py"),
    "babel": ("rules/texts.py",),
}
NOT_OURS = ("process_bind_param", "process_result_value")
"""Names that SQLAlchemy calls."""
BANNED = ("process", "handle", "data", "info", "item", "util", "helper", "common", "core")


def modules_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, by its full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its direction"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


IMPORTS = {name_of(path): set(modules_of(path)) for path in SOURCES}


def importing(start: str, *modules: str) -> list[str]:
    """Who under `start` imports any of these modules."""
    return sorted(
        f"{name} imports {module}"
        for name, imported in IMPORTS.items()
        if name.startswith(start)
        for module in imported
        if any(module == wanted or module.startswith(wanted + ".") for wanted in modules)
    )


def test_rules_think_and_do_not_talk() -> None:
    assert importing("rules/", *TALKING) == []


def test_rules_never_read_the_clock() -> None:
    asked = [
        f"{name_of(path)}:{node.lineno}"
        for path in SOURCES
        if name_of(path).startswith("rules/")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("datetime.now", "utcnow", "date.today"))
    ]
    assert asked == []


@pytest.mark.parametrize("crm", ["bitrix24", "amocrm"])
def test_an_adapter_knows_neither_flow_nor_store_nor_the_other(crm: str) -> None:
    other = {"bitrix24": "amocrm", "amocrm": "bitrix24"}[crm]
    forbidden = [f"connector.{name}" for name in ("flow", "store", "web", "worker", "portals", "settings", "loader")]
    assert importing(f"connector/crm/{crm}/", *forbidden, f"connector.crm.{other}", "rules.assess") == []


def test_the_sandbox_shares_nothing_with_the_client() -> None:
    inside = [
        module for module in importing("connector/sandbox/", "connector", "rules") if "connector.sandbox" not in module
    ]
    assert inside == []
    outside = [
        line
        for line in importing("", "connector.sandbox")
        if not line.startswith(("connector/sandbox/", "connector/cli.py"))
    ]
    assert outside == []


def test_the_store_knows_neither_flow_nor_web() -> None:
    assert (
        importing("connector/store/", "connector.flow", "connector.web", "connector.worker", "connector.crm.http") == []
    )


def test_the_web_never_calls_a_crm() -> None:
    assert importing("connector/web/", "connector.flow", "connector.loader", "connector.crm.http", "requests") == []


@pytest.mark.parametrize("module", ONLY_IN)
def test_each_library_lives_where_it_belongs(module: str) -> None:
    homes = ONLY_IN[module]
    strangers = [line for line in importing("", module) if not line.startswith(homes)]
    assert strangers == []


def test_modules_stay_small_enough_to_read() -> None:
    long = {name_of(path): count for path in SOURCES if (count := len(path.read_text().splitlines())) > 320}
    assert long == {}


def test_every_module_says_its_purpose_first() -> None:
    silent = [name_of(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_no_name_explains_nothing() -> None:
    found = []
    for path in SOURCES:
        defined = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        names = [node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, defined)]
        found += [
            f"{name_of(path)}: {name}"
            for name in [path.stem, *names]
            if set(name.lower().split("_")) & set(BANNED) and name not in NOT_OURS
        ]
    assert found == []


def test_every_suppressed_check_has_its_reason() -> None:
    bare = []
    for path in [*SOURCES, *TESTS]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for mark in ("# noqa", "# type: ignore"):
                if mark in line and path.name != "test_architecture.py":
                    rest = line.split(mark, 1)[1]
                    if "#" not in rest and " - " not in rest:
                        bare.append(f"{name_of(path)}:{number}")
    assert bare == []
