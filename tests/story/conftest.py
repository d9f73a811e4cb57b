"""The worlds the stories play in, shared where the clock allows it, because starting one takes its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.sandbox.story import Stage
from story.world import CRMS, World, whole_kasanie


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
    world.settle()
    yield stage
    world.sandbox.post("hook_target", {"url": target}, stage.portal)
