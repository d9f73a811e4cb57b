"""Two sites that are killed over and over: one on Bitrix24, one on amoCRM, both on SQLite, the web running beside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from crash.site import PATIENCE, Site, open_site


@pytest.fixture
def sites(running_sites: list[Site]) -> Iterator[list[Site]]:
    """The two sites, without a worker before and after."""
    yield running_sites
    for site in running_sites:
        site.kill_workers()


@pytest.fixture(scope="session")
def running_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    """One per CRM, so that whatever kills is met on each of them."""
    with ExitStack() as stack:
        made = [stack.enter_context(open_site(tmp_path_factory.mktemp(crm), crm=crm)) for crm in ("bitrix24", "amocrm")]
        for site in made:
            site.start("serve", "--no-worker")
        for site in made:
            site.installation.wait_ready(PATIENCE)
        yield made
