"""reliability.md S01–S03: real commits, contenders over both workers; afterwards the books are clean."""

from collections import Counter
from uuid import uuid4

import pytest

from tests.races.judges import one_effect, one_line, one_winner, so_many_winners
from tests.support.newcomer import Caller, World, sign_in
from tests.support.volley import Answer, shot, volley

CONTENDERS = 60
pytestmark = pytest.mark.usefixtures("clean_books")


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


@pytest.mark.parametrize("contenders", [50, 75, 100])
async def test_a_code_is_verified_once(world: World, contenders: int) -> None:
    rider = await world.rider(points=10)
    order = await rider.orders((await world.reward())["id"])
    till = {"store_id": world.store_id, "code": order["code"]}
    shots = [shot(world.clerks[n % 3], "/redemptions/verify", till, key=uuid4().hex) for n in range(contenders)]
    answers = await volley(world.service, shots)
    one_winner(outcomes(answers), "already_verified")
    assert {answer.status for answer in answers} == {200, 409}
    done = next(answer.json for answer in answers if answer.status == 200)
    refused = [answer.json for answer in answers if answer.status == 409]
    assert {told["verified_at"] for told in refused} == {done["verified_at"]}
    assert {told["store_name"] for told in refused} == {"文化路便利店"} and {told["by_you"] for told in refused} == {True, False}
    assert ((standing := await rider.points())["available"], standing["held"]) == (0, 0)
    assert [entry["kind"] for entry in (await rider.sees("/points/me/entries"))["items"]] == ["capture", "hold", "adjust"]


async def test_a_balance_is_spent_once(world: World) -> None:
    rider, reward = await world.rider(points=100), await world.reward()
    shots = [shot(rider, "/redemptions", {"reward_id": reward["id"]}, key=uuid4().hex) for _ in range(CONTENDERS)]
    answers = await volley(world.service, shots)
    standing = await rider.points()
    so_many_winners(outcomes(answers), 10, "insufficient_points", left=standing["available"])
    assert standing["held"] == 100 and standing["debt"] == 0
    codes = {answer.json["code"] for answer in answers if answer.status == 201}
    assert len(codes) == 10


async def test_the_last_five_go_to_five(world: World) -> None:
    reward = await world.reward(stock=5)
    riders = [await world.rider(points=50) for _ in range(4)]
    shots = [shot(riders[n % 4], "/redemptions", {"reward_id": reward["id"]}, key=uuid4().hex) for n in range(40)]
    answers = await volley(world.service, shots)
    so_many_winners(outcomes(answers), 5, "out_of_stock", left=(await world.admin.sees(f"/rewards/{reward['id']}"))["stock_left"])
    assert sum([(await rider.points())["held"] for rider in riders]) == 50


async def test_one_key_many_times_at_once_is_one_effect(world: World) -> None:
    rider, reward = await world.rider(points=100), await world.reward()
    answers = await volley(world.service, [shot(rider, "/redemptions", {"reward_id": reward["id"]}, key="one-key-for-all")] * 50)
    one_effect(outcomes(answers), len((await rider.sees("/redemptions"))["items"]))
    good = [answer for answer in answers if answer.status == 201]
    assert len({answer.body for answer in good}) == 1
    assert Counter(answer.headers.get("idempotency-replayed") for answer in good)[None] == 1
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status == 409)
    assert (await rider.points())["held"] == 10


async def test_a_report_is_filed_once_under_one_key(world: World) -> None:
    rider = await world.rider()
    body = rider.filing(await rider.photo())
    answers = await volley(world.service, [shot(rider, "/reports", body, key="one-key-for-all")] * 50)
    one_effect(outcomes(answers), len((await rider.sees("/reports/mine"))["items"]))


async def test_a_photo_goes_to_one_report(world: World) -> None:
    rider = await world.rider()
    body = rider.filing(await rider.photo())
    answers = await volley(world.service, [shot(rider, "/reports", body, key=uuid4().hex) for _ in range(30)])
    one_winner(outcomes(answers), "upload_already_used")


async def test_a_refresh_token_has_one_successor(world: World) -> None:
    tokens = await sign_in(world.service, world.http, f"并发-{uuid4().hex[:6]}")
    answers = await volley(world.service, [shot(None, "/auth/refresh", {"refresh_token": tokens["refresh_token"]})] * 50)
    assert {answer.status for answer in answers} == {200}
    one_line([answer.json["refresh_token"] for answer in answers])
    caller = Caller(world.http, "", tokens=answers[-1].json)
    assert (await caller.send("GET", "/members/me")).status_code == 200
