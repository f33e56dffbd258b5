"""S01, S02 and S04 in full, over two replicas: a hundred codes by two hundred calls each, a balance, a stock, and one award."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from typing import cast
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.invariants import service as invariants_service
from tests.races.judges import one_winner, paid_once, so_many_winners, told_the_truth
from tests.races.naive import scratch
from tests.races.shopping import Counter, opened
from tests.support.newcomer import Caller
from tests.support.service import Service
from tests.support.volley import Answer, Shot, shot, volley
from tests.trust.plugin import Measure
from tests.trust.rig.storm import FRESH_SECONDS, Stage, refresh, staged

ROUNDS = int(os.environ.get("TRUST_ROUNDS", "100"))
CALLS, CLERKS, USERS = 200, 20, 200
BELOW_ZERO = sa.text("select count(*) from points_balance where available < 0 or held < 0")


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("one-code")) as made:
        yield made


@pytest.fixture
async def counter(stage: Stage) -> AsyncIterator[Counter]:
    async with opened(stage.world) as made:
        yield made
    assert await invariants_service.check_all(stage.database) == []


async def at_once(stage: Stage, shots: list[Shot]) -> list[Answer]:
    """In turn at each replica."""
    return await volley(cast(Service, stage.site), shots)


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


@pytest.mark.check("S01")
async def test_a_hundred_codes(stage: Stage, counter: Counter, measured: Measure) -> None:
    clerks = [*await counter.clerks(CLERKS - 3), *stage.world.clerks]
    riders = await counter.riders(-(-ROUNDS // 10))
    reward = await stage.world.reward()
    fresh, began, seconds = time.monotonic(), time.monotonic(), []
    for number in range(ROUNDS):
        order = await riders[number // 10].orders(reward["id"])
        shots = [counter.verify(clerks[n % CLERKS], order["code"]) for n in range(CALLS)]
        sent = time.monotonic()
        answers = await at_once(stage, shots)
        seconds.append(time.monotonic() - sent)
        one_winner(outcomes(answers), "already_verified")
        assert {answer.status for answer in answers} == {200, 409}
        refused = [answer.json for answer in answers if answer.status == 409]
        done = next(answer.json for answer in answers if answer.status == 200)
        assert {told["verified_at"] for told in refused} == {done["verified_at"]}
        if time.monotonic() - fresh > FRESH_SECONDS:
            fresh = time.monotonic()
            await asyncio.gather(*(refresh(caller) for caller in (*clerks, *riders, stage.world.admin)))
    measured("rounds", ROUNDS)
    measured("successes a round", 1)
    measured("slowest round", max(seconds), "s")
    measured("seconds", round(time.monotonic() - began), "s")


@pytest.mark.check("S02")
async def test_a_balance_and_the_last_pieces(stage: Stage, counter: Counter, measured: Measure) -> None:
    """Meanwhile somebody looks at every balance, again and again."""
    below: list[int] = []
    over = asyncio.Event()

    async def look() -> None:
        while not over.is_set():
            async with stage.database.session() as session:
                below.append((await session.exec(BELOW_ZERO)).scalar_one())
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    try:
        [rider], reward = await counter.riders(1), await stage.world.reward()
        answers = await at_once(stage, [_placing(rider, reward["id"]) for _ in range(CALLS)])
        standing = await rider.points()
        so_many_winners(outcomes(answers), 10, "insufficient_points", left=standing["available"])
        users, rare = await counter.riders(USERS), await stage.world.reward(stock=5)
        claims = await at_once(stage, [_placing(user, rare["id"]) for user in users])
        left = (await stage.world.admin.sees(f"/rewards/{rare['id']}"))["stock_left"]
        so_many_winners(outcomes(claims), 5, "out_of_stock", left=left)
    finally:
        over.set()
        await looking
    measured("looks", len(below))
    measured("below zero", max(below))
    assert below and max(below) == 0


def _placing(rider: Caller, reward_id: str) -> Shot:
    return shot(rider, "/redemptions", {"reward_id": reward_id, "quantity": 1}, key=uuid4().hex)


@pytest.mark.check("S04")
async def test_one_award_however_often_it_is_decided(stage: Stage, counter: Counter) -> None:
    """Fifty acceptances by three; acceptance against rejection, ten times; accepted, taken up again, accepted."""
    world, rider = stage.world, await stage.world.rider()
    report_id = (await rider.files())["id"]
    told_the_truth(await at_once(stage, [_decided(stage, n, report_id, "accept") for n in range(50)]), "accepted")
    assert await _paid(rider, report_id) == [10]
    for _ in range(10):
        other = await world.rider()
        contested = (await other.files())["id"]
        answers = await at_once(stage, [_decided(stage, n, contested, ("accept", "reject")[n % 2]) for n in range(50)])
        status = (await other.sees(f"/reports/{contested}"))["status"]
        told_the_truth(answers, status)
        assert await _paid(other, contested) == ([10] if status == "accepted" else [])
    again = await world.reviewers[0].post(f"/reports/{report_id}/accept", {})
    assert again.status_code == 409
    paid_once([10], await _paid(rider, report_id))


def _decided(stage: Stage, number: int, report_id: str, command: str) -> Shot:
    body = {"note": "属实"} if command == "accept" else {"reason_code": "not_a_problem", "note": "不属实"}
    return shot(stage.world.reviewers[number % 3], f"/reports/{report_id}/{command}", body, key=uuid4().hex)


async def _paid(rider: Caller, report_id: str) -> list[int]:
    lines = (await rider.sees("/points/me/entries"))["items"]
    return [line["amount"] for line in lines if line["kind"] == "earn"]


@pytest.mark.variant("S01")
async def test_naive_tills_let_more_than_one_in_every_round(stage: Stage, measured: Measure) -> None:
    """The fault put back: read, then write. Forty rounds, and the judge refuses each."""
    winners = []
    for _ in range(40):
        async with scratch(stage.site.first.database_url, "status text", "'issued'") as table:
            heard = await table.race(
                "select status from {table}", may=lambda seen: bool(seen == "issued"), writes=["update {table} set status = 'verified'"],
                loser="already_verified",
            )
        winners.append(heard.count("ok"))
        with pytest.raises(AssertionError):
            one_winner(heard, "already_verified")
    measured("winners a round", min(winners))
    measured("winners a round", max(winners))
