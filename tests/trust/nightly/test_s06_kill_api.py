"""S06: the bank run while a random replica's API is killed twenty times."""

import asyncio
import os
import random
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.support.bank_run import Member
from tests.trust.plugin import Measure
from tests.trust.rig import history
from tests.trust.rig.history import Call, History
from tests.trust.rig.patient import Patient
from tests.trust.rig.proxy import Fault, Proxy
from tests.trust.rig.replicas import back, kill_api
from tests.trust.rig.storm import Stage, Storm, expect_all_there, staged, told_right

KILLS = int(os.environ.get("TRUST_KILLS", "20"))
OPERATIONS = int(os.environ.get("TRUST_OPERATIONS", "10000"))
GOAL_SECONDS = 5.0
APART = 5.0  # a supervisor gives up what dies five times in twenty seconds


async def kills(stage: Stage, storm: Storm, killed: list[tuple[float, float]]) -> None:
    """Spread over the run; `killed` takes each moment, and how long its replica took to be ready again."""
    chance = random.Random(storm.seed)
    for number in range(KILLS):
        await storm.until_heard(storm.operations * (number + 1) // (KILLS + 2))
        replica = chance.choice(stage.site.replicas)
        since = await asyncio.to_thread(kill_api, replica)
        killed.append((since, await asyncio.to_thread(back, replica, since)))
        await asyncio.sleep(max(0.0, since + APART - time.monotonic()))


def gaps(calls: list[Call], moments: list[float]) -> list[float]:
    """From each moment to the next acknowledged write."""
    return [seconds for at in moments if (seconds := history.served(calls, at)) is not None]


@pytest.mark.check("S06")
async def test_replicas_killed_during_the_bank_run(tmp_path: Path, measured: Measure) -> None:
    killed: list[tuple[float, float]] = []
    async with staged(tmp_path) as stage:
        storm = stage.storm(OPERATIONS)
        await stage.run(storm, kills(stage, storm, killed))
        served = gaps(stage.calls(), [at for at, _ in killed])
        measured("seed", storm.seed)
        measured("operations", len(storm.told))
        measured("kills", len(killed))
        measured("answers lost", stage.way.counted["unknown"])
        measured("writes go on after", max(served), "s")
        measured("replica back after", max(seconds for _, seconds in killed), "s")
        measured("seconds", round(storm.seconds), "s")
        await expect_all_there(stage, storm)
        assert len(killed) == KILLS and stage.way.counted["unknown"] > 0
        assert max(served) <= GOAL_SECONDS, "the other replica goes on; how long the killed one takes is a figure beside it"


@pytest.mark.variant("S06")
async def test_who_asks_again_under_a_new_key_pays_twice(tmp_path: Path) -> None:
    """A cut after the effect and before the answer: with its key an order is placed once, and a forgetful client's sums are wrong."""
    async with staged(tmp_path) as stage:
        reward = await stage.world.reward()
        with Proxy(f"127.0.0.1:{stage.site.first.port}") as link:
            for forgetful in (False, True):
                log = History(tmp_path / f"forgetful-{forgetful}.jsonl")
                way = Patient(lambda: [link.url], log, forgetful=forgetful)
                member = Member(await stage.world.rider(points=100), None, net=100)
                async with httpx.AsyncClient(base_url=link.url, transport=way) as http:
                    link.fault = Fault(lose_answer=True)
                    ordering = asyncio.create_task(replace(member.caller, http=http).orders(reward["id"]))
                    async with asyncio.timeout(20):
                        while not way.counted["unknown"]:  # noqa: ASYNC110 - a look at a counter, with a deadline around it
                            await asyncio.sleep(0.01)
                    link.fault = Fault()
                    await ordering
                member.net, member.held = member.net - 10, member.held + 10
                log.close()
                standing = await member.caller.points()
                wrong = told_right(member, (standing["available"], standing["held"], standing["debt"]))
                assert bool(wrong) is forgetful, wrong
