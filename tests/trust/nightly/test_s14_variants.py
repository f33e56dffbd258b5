"""Workers that S14's judges must refuse: one without lanes, and one that leaves what failed to its pauses."""

from typing import Any

import pytest

from tests.faults import queue_workers
from tests.faults.queue_rig import Queue, queue, queue_database, queue_settings, until, workers
from tests.faults.queue_town import SEND, Town, town, town_of_all
from tests.faults.queue_workers import Workers

__all__ = ["queue", "queue_database", "queue_settings", "town", "town_of_all", "workers"]
SECONDS, COPIES = 25.0, 60
RESTING = "update jobs.pgqueuer set attempts = 10, execute_after = now() + make_interval(mins => 10 + (id % 20)::int)"


async def overlaps(town: Town) -> int:
    return int((await town.simulator.http.get("/_simulator/refused")).json().get(f"{SEND} 43108", 0))


@pytest.mark.parametrize(
    ("fault", "good"),
    [
        pytest.param(None, True, marks=pytest.mark.check("S14", part=True)),
        pytest.param(queue_workers.without_lanes, False, marks=pytest.mark.variant("S14")),
    ],
)
async def test_one_person_hears_one_thing_at_a_time(town: Town, queue: Queue, workers: Workers, fault: Any, good: bool) -> None:
    town.riders, everybody = town.riders[:3], town.riders
    try:
        numbers = await town.tell(24)
    finally:
        town.riders = everybody
    await town.wish("manners", latency=0.1)
    before = await overlaps(town)
    workers.start(fault)
    await until(queue.empty, "all are sent")
    await town.wish("manners", latency=0.01)
    assert set((await town.arrived(numbers)).values()) == {1}
    assert (await overlaps(town) == before) is good


@pytest.mark.parametrize(
    ("fault", "good"),
    [
        pytest.param(None, True, marks=pytest.mark.check("S14", part=True)),
        pytest.param(queue_workers.sound_sleeper, False, marks=pytest.mark.variant("S14")),
    ],
)
async def test_what_rests_is_awake_soon_after_wechat_is_back(town: Town, queue: Queue, workers: Workers, fault: Any, good: bool) -> None:
    """One of them is tried; the others would rest for ten to thirty minutes yet."""
    await town.tell(COPIES)
    await queue.do(RESTING)
    await queue.do("update jobs.pgqueuer set execute_after = now() where id = (select min(id) from jobs.pgqueuer)")
    workers.start(fault)
    if good:
        await until(queue.empty, "all are sent", SECONDS)
        return
    with pytest.raises(AssertionError, match="all are sent"):
        await until(queue.empty, "all are sent", 6)
    assert await queue.left() == COPIES - 1
