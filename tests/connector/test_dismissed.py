"""A manager is dismissed and no webhook tells of it: his open tasks go to somebody who works there."""

from pathlib import Path

import pytest

from connector.flow import Flow
from connector.opening import Opened, open_all
from connector.sandbox.installation import Installation
from connector.sandbox.run import Options, start
from connector.sandbox.story import MARKER
from connector.worker import drain_all


def serve_all(opened: Opened) -> None:
    """As a worker that has just started: the directory is read anew."""
    flow = Flow(opened.settings, opened.store, opened.portals, opened.clock, "embedded")
    for portal in opened.settings.portals:
        flow.serve_portal(portal)
    drain_all(opened, flow)
    flow.close()


def test_the_tasks_of_a_dismissed_manager_are_given_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    running = start(Options(clients=6, limits={"rate": 100, "burst": 500}))
    try:
        installation = Installation(tmp_path / "kasanie", running.portals[0].config.base_url)
        installation.install()
        for name, value in installation.environment().items():
            if name.startswith("KASANIE_"):
                monkeypatch.setenv(name, value)
        opened = open_all(installation.folder / "config.yaml")
        try:
            serve_all(opened)
            for portal in running.portals:
                asked = [task for task in portal.base.tasks.values() if MARKER.search(f"{task.xml_id} {task.text}")]
                assert 6 in {task.assignee for task in asked}, portal.config.name
                portal.base.users[6].active = False
            bitrix24 = next(portal for portal in running.portals if portal.config.crm == "bitrix24").base
            his = [task.id for task in bitrix24.tasks.values() if task.open and task.assignee == 6]
            serve_all(opened)
        finally:
            opened.close()
        for portal in running.portals:
            left = [task for task in portal.base.tasks.values() if task.open and task.assignee == 6]
            assert [task.title for task in left if MARKER.search(f"{task.xml_id} {task.text}")] == []
        department = bitrix24.users[6].department
        heads = {one.id for one in bitrix24.users.values() if one.role == "head" and one.department == department}
        assert his
        assert {bitrix24.tasks[number].assignee for number in his} == heads, "the head of his department, by the portal"
        assert all(bitrix24.tasks[number].open for number in his)
    finally:
        running.stop()
