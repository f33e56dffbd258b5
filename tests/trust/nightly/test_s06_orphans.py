"""S06: kill -9 of the process that the API's workers are children of. They end with it, and nothing acknowledged is lost."""

import asyncio

import pytest

from tests.faults.test_kills import killed_while_writing
from tests.support.newcomer import county_of
from tests.support.service import lives, running_service, until


@pytest.mark.check("S06", part=True)
async def test_a_killed_api_loses_nothing_and_is_replaced() -> None:
    with running_service() as service:
        async with county_of(service) as world:
            victim, orphans = service.api(), service.api_workers()
            await killed_while_writing(world, victim)
            assert service.api() != victim
            await asyncio.to_thread(until, lambda: not any(lives(orphan) for orphan in orphans), 15, "workers end with their parent")
