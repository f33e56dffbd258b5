"""A service that these tests kill, and the shared one for those that only try its limits."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.faults.queue_rig import queue, queue_database, queue_settings, workers
from tests.support.newcomer import World, county_of
from tests.support.service import Service, service, shared_service

__all__ = ["queue", "queue_database", "queue_settings", "service", "workers"]


@pytest.fixture(scope="session")
def doomed() -> Iterator[Service]:
    with shared_service("doomed") as running:
        yield running


@pytest.fixture(scope="session")
async def world(doomed: Service) -> AsyncIterator[World]:
    async with county_of(doomed) as made:
        yield made
