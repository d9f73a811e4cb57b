"""The contract of every CRM, kept by the amoCRM adapter over HTTP against the emulated amoCRM."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.crm.port import Crm, Wanted
from crm.amocrm.emulated import MODES, emulated
from crm.contract import CrmContract, SandboxPortal, read


@pytest.fixture(scope="module", params=MODES)
def portal(request: pytest.FixtureRequest) -> Iterator[SandboxPortal]:
    """One account for the whole file in each way of connecting."""
    with emulated(request.param) as running:
        yield running


class TestAmoCrm(CrmContract):
    @pytest.fixture
    def crm(self, portal: SandboxPortal) -> Crm:
        """Opened and acquainted with the account, so that a fault meets what a test sends and no look at task types."""
        company = (portal.field_name("company", "segment"), portal.field_name("company", "quiet_until"))
        opened = portal.connect(Wanted(company=company))
        opened.directory()
        return opened

    def test_reading_again_brings_nothing_new(self, portal: SandboxPortal, crm: Crm) -> None:
        """A cursor stands two minutes before the newest change, so what changed last comes again, and says the same."""
        before, cursors, _ = read(crm)
        portal.control.post("clock", {"advance": "1 hour"})
        again, moved, _ = read(crm, cursors)
        assert moved == cursors
        assert {ref for ref, fact in again.items() if before.get(ref) != fact} == set()
        assert len(again) < len(before) / 4
