"""S08: the primary dies with what it had not sent, our command promotes its synchronous standby, and the service follows by itself."""

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.faults.writers import Wish, Writers, all_there, mixed_wishes
from tests.support.newcomer import World, county_of
from tests.trust.rig.standby import Client, Pair, pair

Measure = Callable[..., None]
WISHES, HEARD_BEFORE = 100, 12
FROZEN_SECONDS = 1.0
GAP_SECONDS = 30.0


async def failed_over(world: World, service: Client, servers: Pair) -> tuple[list[Wish], float, int]:
    """Writers go on all the time. What they wished, the gap between two successes around the failure, and how many were heard while
    nothing was sent."""
    wishes = [*await mixed_wishes(world, WISHES // 2), *await mixed_wishes(world, WISHES // 2)]
    writers = Writers(world, wishes)
    running = asyncio.create_task(writers.run())
    await writers.until_heard(HEARD_BEFORE)
    before = writers.heard
    await asyncio.to_thread(servers.first.freeze_sender, FROZEN_SECONDS)
    unsent = writers.heard - before
    await asyncio.to_thread(servers.first.kill)
    killed = time.monotonic()
    heard = writers.heard
    await asyncio.to_thread(service.promote, servers.second)
    await writers.until_heard(heard + 1)
    gap = time.monotonic() - killed
    await running
    return wishes, gap, unsent


@pytest.mark.check("S08", tier="R")
async def test_nothing_acknowledged_is_lost(measured: Measure) -> None:
    """A writer takes 503 for "ask again", and any other refusal for the end: `all_there` wants a success from each."""
    with pair() as servers, Client(servers.url) as service:
        async with county_of(service) as world:
            wishes, gap, unsent = await failed_over(world, service, servers)
            await all_there(world, wishes)
            checked = await asyncio.to_thread(service.manage, "ledger-check")
            assert checked.returncode == 0, checked.stdout
    measured("write gap", round(gap, 1), "s")
    measured("acknowledged, all there", len(wishes))
    measured("acknowledged while nothing was sent", unsent)
    assert gap <= GAP_SECONDS


@pytest.mark.variant("S08")
async def test_variant_an_asynchronous_standby_loses_what_was_acknowledged() -> None:
    with pair(synchronous=False) as servers, Client(servers.url) as service:
        async with county_of(service) as world:
            wishes, _, unsent = await failed_over(world, service, servers)
            assert unsent > 0
            with pytest.raises(AssertionError):
                await all_there(world, wishes)
