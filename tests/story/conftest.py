"""The worlds the stories play in, shared where the clock allows it, because starting one takes its time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from find_chromium import chromium_path
from playwright.sync_api import Browser, Page, sync_playwright

from connector.sandbox.story import Stage
from story.world import CRMS, World, whole_kasanie

QUIET = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Both CRMs and one Kasanie. Every story plays on clients of its own."""
    with whole_kasanie(tmp_path_factory.mktemp("world")) as made:
        yield made


@pytest.fixture(scope="module", params=CRMS)
def lone_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One CRM with a clock of its own, once on each."""
    with whole_kasanie(tmp_path_factory.mktemp("lone"), crm=request.param) as made:
        yield made


@pytest.fixture(params=CRMS)
def stage(request: pytest.FixtureRequest, world: World) -> Stage:
    """A portal of the shared world, once on each CRM."""
    return world.stage(request.param)


@pytest.fixture
def deaf_stage(stage: Stage, world: World) -> Iterator[Stage]:
    """The same while its CRM posts no webhooks: whatever is heard, the test has posted."""
    target = world.sandbox.get("hook_target", stage.portal)["url"]
    world.sandbox.post("hook_target", {"url": None}, stage.portal)
    if stage.portal.startswith("amocrm"):  # the worker has subscribed there; it looks again in a quarter of an hour
        world.sandbox.post("subscriptions", {"drop": True}, stage.portal)
    world.settle()
    yield stage
    world.sandbox.post("hook_target", {"url": target}, stage.portal)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    path = chromium_path()
    assert path is not None, "no Chromium: run tests/find_chromium.py"
    alone = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        home = str(tmp_path_factory.mktemp("home"))  # it leaves crash reports and settings there
        places = {"HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        running = playwright.chromium.launch(executable_path=path, args=[*QUIET, *alone], env={**os.environ, **places})
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that may not complain: no script error, no refused style or script."""
    context = browser.new_context(locale="ru-RU")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []
