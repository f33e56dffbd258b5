"""Orders that many reach for at once. Real commits, over both workers; afterwards the books are clean.

The judges and what they refuse: `test_redemption_variants.py`.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from uuid import uuid4

import pytest

from tests.races.judges import one_answer, one_body, one_effect, one_end, one_winner, so_many_winners
from tests.races.shopping import Counter
from tests.support.newcomer import Caller
from tests.support.volley import Answer, Shot, shot

CROWD = 20
pytestmark = pytest.mark.usefixtures("clean_books")


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


def placing(rider: Caller, reward_id: str, quantity: int = 1) -> Shot:
    return shot(rider, "/redemptions", {"reward_id": reward_id, "quantity": quantity}, key=uuid4().hex)


async def placed(rider: Caller) -> int:
    return len((await rider.sees("/redemptions"))["items"])


@pytest.mark.check("S01")
async def test_a_code_is_verified_once_by_two_hundred(counter: Counter) -> None:
    rider, clerks = await counter.rider(), [*await counter.clerks(CROWD - 3), *counter.world.clerks]
    [order] = await counter.orders(rider, 1, points=100)
    answers = await counter.at_once([counter.verify(clerks[n % CROWD], order["code"]) for n in range(200)])
    one_winner(outcomes(answers), "already_verified")
    assert {answer.status for answer in answers} == {200, 409}
    done = next(answer.json for answer in answers if answer.status == 200)
    refused = [answer.json for answer in answers if answer.status == 409]
    assert {told["verified_at"] for told in refused} == {done["verified_at"]}
    assert {told["store_name"] for told in refused} == {"文化路便利店"}
    assert sum(told["by_you"] for told in refused) == 9, "the winner's other nine tries hear that it was they"
    assert ((standing := await rider.points())["available"], standing["held"]) == (0, 0)
    assert [entry["kind"] for entry in (await rider.sees("/points/me/entries"))["items"]] == ["capture", "hold", "earn"]


@pytest.mark.check("S02")
async def test_a_balance_is_spent_once(counter: Counter) -> None:
    rider, reward = await counter.rider(), await counter.world.reward()
    answers = await counter.at_once([placing(rider, reward["id"]) for _ in range(50)])
    standing = await rider.points()
    so_many_winners(outcomes(answers), 10, "insufficient_points", left=standing["available"])
    assert (standing["held"], standing["debt"]) == (100, 0)
    assert len({answer.json["code"] for answer in answers if answer.status == 201}) == 10


@pytest.mark.check("S02")
async def test_the_last_seven_go_to_seven_of_twenty_four(counter: Counter) -> None:
    riders, reward = await counter.riders(24), await counter.world.reward(stock=7)
    answers = await counter.at_once([placing(rider, reward["id"]) for rider in riders])
    left = (await counter.world.admin.sees(f"/rewards/{reward['id']}"))["stock_left"]
    so_many_winners(outcomes(answers), 7, "out_of_stock", left=left)
    held = await asyncio.gather(*(rider.points() for rider in riders))
    assert [one["held"] for one in held] == [10 if answer.status == 201 else 0 for answer in answers]


async def test_a_limit_of_one_under_many_keys_is_one_order(counter: Counter) -> None:
    rider, reward = await counter.rider(), await counter.world.reward(per_member={"count": 1, "period": "month"})
    answers = await counter.at_once([placing(rider, reward["id"]) for _ in range(CROWD)])
    so_many_winners(outcomes(answers), 1, "limit_reached", left=0)
    assert await placed(rider) == 1 and (await rider.points())["held"] == 10


async def expired(counter: Counter, order_ids: Sequence[str], begun: asyncio.Event) -> list[str]:
    """The outcomes of the job, which finds that the time of these orders is over as soon as the race has begun."""
    await begun.wait()
    await counter.ends_now(order_ids)
    return await asyncio.gather(*(counter.expires(one) for one in order_ids))


async def test_cancelled_or_verified_or_expired(counter: Counter) -> None:
    """Sixteen orders: each is cancelled and verified by four at once, and the time of half of them is over meanwhile."""
    riders, reward = await counter.riders(4), await counter.world.reward()
    owned = [(rider, await rider.orders(reward["id"])) for rider in riders * 4]
    expiring = [str(order["id"]) for _, order in owned[8:]]
    shots = {}
    for number, (rider, order) in enumerate(owned):
        for turn in range(4):
            cancels = turn == 3 or (number % 2 == 0 and turn > 0)
            use = counter.verify(counter.world.clerks[turn % 3], order["code"])
            give_up = shot(rider, f"/redemptions/{order['id']}/cancel", None)
            shots[order["id"], "cancelled" if cancels else "verified", turn] = give_up if cancels else use
    heard: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    begun = asyncio.Event()
    ending = asyncio.create_task(expired(counter, expiring, begun))
    for (order_id, end, _), answer in zip(shots, await counter.at_once(list(shots.values()), begun=begun), strict=True):
        heard[order_id][end].append(answer.outcome)
    for order_id, outcome in zip(expiring, await ending, strict=True):
        heard[order_id]["expired"].append(outcome)
    for rider, order in owned:
        one_end(heard[order["id"]], (await rider.sees(f"/redemptions/{order['id']}"))["status"])
    for rider in riders:
        used = [order["id"] for one, order in owned if one is rider and "ok" in heard[order["id"]]["verified"]]
        assert ((standing := await rider.points())["available"], standing["held"]) == (100 - 10 * len(used), 0)


async def test_a_verification_is_undone_once(counter: Counter) -> None:
    rider, clerks = await counter.rider(), counter.world.clerks
    [order] = await counter.orders(rider, 1)
    till = {"store_id": counter.world.store_id, "code": order["code"]}
    await clerks[0].does("POST", "/redemptions/verify", till)
    path, body = f"/redemptions/{order['id']}/undo", {"reason": "扫错了单子"}
    answers = await counter.at_once([shot(clerks[n % 3], path, body, key=uuid4().hex) for n in range(CROWD)])
    one_winner(outcomes(answers), "already_undone")
    done = next(answer.json for answer in answers if answer.status == 200)
    assert {answer.json["undone_at"] for answer in answers} == {done["undone_at"]}
    assert ((standing := await rider.points())["available"], standing["held"]) == (90, 10)
    assert (await clerks[0].does("POST", "/redemptions/verify", till))["redemption_id"] == order["id"], "the code works again"


@pytest.mark.check("S03")
async def test_one_key_a_hundred_times_at_once_is_one_effect(counter: Counter) -> None:
    """Placed under one key, then verified under one key; asked for again, both answer to the byte what they answered first."""
    rider, reward = await counter.rider(), await counter.world.reward()
    order = shot(rider, "/redemptions", {"reward_id": reward["id"]}, key=(key := uuid4().hex))
    answers = await counter.at_once([order] * 100)
    one_effect(outcomes(answers), await placed(rider))
    one_answer([*answers, *await counter.at_once([order] * CROWD)])
    code = next(answer.json["code"] for answer in answers if answer.status == 201)
    use = counter.verify(counter.world.clerks[0], code, key=key)
    answers = await counter.at_once([use] * 100)
    one_effect(outcomes(answers), sum(row["kind"] == "capture" for row in (await rider.sees("/points/me/entries"))["items"]))
    one_answer([*answers, *await counter.at_once([use] * CROWD)])


@pytest.mark.check("S03")
async def test_a_key_with_another_body_is_refused(counter: Counter) -> None:
    rider, reward, key = await counter.rider(), await counter.world.reward(), uuid4().hex
    shots = [shot(rider, "/redemptions", {"reward_id": reward["id"], "quantity": n % 10 + 1}, key=key) for n in range(10)]
    answers = await counter.at_once(shots * 2)
    first = next(number % 10 for number, answer in enumerate(answers) if answer.status == 201)
    distinct = [answer for number, answer in enumerate(answers) if number % 10 != first]
    one_body(["ok", *outcomes(distinct)], await placed(rider))
    again = await counter.at_once([one for number, one in enumerate(shots) if number != first])
    assert set(outcomes(again)) == {"idempotency_key_reused"} and {answer.status for answer in again} == {422}
