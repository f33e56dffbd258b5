"""A store's days as hashes in a chain: made once, and a settled day cannot be rewritten unseen."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app import clock
from app.redemptions import queries_days
from tests.redemptions.conftest import Shop, code_of
from tests.support.owner import as_owner

RunJob = Callable[..., Awaitable[None]]
AGO = [timedelta(days=5), timedelta(days=3), timedelta(days=2), timedelta(0)]


async def put(shop: Shop, statement: str, **values: Any) -> None:
    """What only the owner of the tables can do, with the triggers turned off."""
    async with as_owner(shop.session):
        await shop.sql("set local session_replication_role = replica")
        await shop.sql(statement, **values)
        await shop.sql("set local session_replication_role = origin")
    shop.session.expire_all()


@pytest.fixture
async def past(shop: Shop) -> list[str]:
    """Verifications of five, three and two days ago and of today, by id; that of three days ago was undone the day after, near midnight."""
    reward, made = await shop.reward(), []
    for ago in AGO:
        order = await shop.order(reward)
        made.append((await shop.verify(order["code"])).json()["verification_id"])
        if ago == AGO[1]:
            assert (await shop.post(shop.clerk, f"/redemptions/{order['id']}/undo", {"reason": "拿错"})).status_code == 200
        moved = "update verification set verified_at = verified_at - cast(:ago as interval) where id = :id"
        await put(shop, moved, ago=ago, id=UUID(made[-1]))
    await put(shop, "update verification_undo set undone_at = undone_at - interval '2 days'")
    return made


async def heads(shop: Shop, who: Any = None, **asked: str) -> list[dict[str, Any]]:
    shown = await shop.get(who or shop.owner, f"/stores/{shop.id}/days", **asked)
    assert shown.status_code == 200, shown.text
    return list(shown.json()["items"])


async def test_the_owner_sees_each_day_and_it_stays_what_it_is(
    shop: Shop, past: list[str], run_job: RunJob, statements: list[str]
) -> None:
    before = await heads(shop)
    days = [str(clock.today() - ago) for ago in AGO]
    assert [(one["day"], one["count"], one["undone"], one["cents"], one["final"]) for one in reversed(before)] == [
        (days[0], 1, 0, 100, False), (days[1], 1, 0, 100, False), (days[2], 1, 1, 0, False), (days[3], 1, 0, 100, False),
    ]
    await run_job("redemption.finish_days")
    after = await heads(shop)
    assert [one | {"final": False} for one in after] == before and [one["final"] for one in after] == [False, True, True, True]
    rows = await shop.sql("select * from store_day_head order by day")
    await run_job("redemption.finish_days")
    assert await shop.sql("select * from store_day_head order by day") == rows and len(rows) == 3, "run twice, nothing changes"
    assert await queries_days.rewritten(shop.session) == []
    assert [one["day"] for one in await heads(shop, **{"from": days[1], "to": days[2]})] == [days[2], days[1]]
    assert await heads(shop, who=shop.admin) == after
    costs = []
    for asked in ({"from": days[3]}, {}):
        statements.clear()
        costs.append((len(await heads(shop, **asked)), len(statements)))
    assert [count for count, _ in costs] == [1, 4] and costs[0][1] == costs[1][1], costs
    assert code_of(await shop.get(shop.clerk, f"/stores/{shop.id}/days")) == (403, "forbidden")
    for who in (shop.rider, shop.other_clerk):
        assert code_of(await shop.get(who, f"/stores/{shop.id}/days")) == (404, "not_found")
    wide = await shop.get(shop.owner, f"/stores/{shop.id}/days", **{"from": "2024-01-01", "to": "2026-01-01"})
    assert code_of(wide) == (422, "validation_error")
    order = await shop.order(await shop.reward())
    await shop.verify(order["code"])
    assert (await heads(shop))[0]["head"] != after[0]["head"] and (await heads(shop))[1:] == after[1:]


async def test_a_head_can_be_computed_by_anybody(shop: Shop, past: list[str], run_job: RunJob) -> None:
    """The same hash from the lines alone, by other means than the statement."""
    await run_job("redemption.finish_days")
    [(use, order, clerk, at, number, quantity, cents, day, head)] = await shop.sql(
        "select v.id, v.redemption_id, v.clerk_id, v.verified_at, r.number, r.quantity, r.settlement_cents, h.day, h.head"
        "  from verification v join redemption r on r.id = v.redemption_id"
        "  join store_day_head h on h.store_id = v.store_id and h.day = (v.verified_at at time zone 'Asia/Shanghai')::date"
        " where v.id = :id", id=UUID(past[0]),
    )
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    line = json.dumps([1, str(use), str(order), str(clerk), number, quantity, cents, micros])
    body = hashlib.sha256(line.encode()).digest()
    assert hashlib.sha256(bytes(32) + json.dumps([shop.id, str(day)]).encode() + body).digest() == head


DAY_2, DAY_3, DAY_5 = (clock.today() - AGO[place] for place in (2, 1, 0))
ANEW = """
insert into verification (id, redemption_id, store_id, reward_id, clerk_id, verified_at, typed)
select gen_random_uuid(), redemption_id, store_id, reward_id, clerk_id, verified_at - cast(:ago as interval), typed
  from verification where id = :first"""


TAMPERED: dict[str, tuple[str, dict[str, Any], list[date]]] = {
    "clerk": ("update verification set clerk_id = (select member_id from redemption limit 1) where id = :first", {}, [DAY_5]),
    "instant": ("update verification set verified_at = verified_at + interval '1 microsecond' where id = :first", {}, [DAY_5]),
    "cents": ("update redemption set settlement_cents = 900 where verification_id = :first", {}, [DAY_5]),
    "deleted": ("delete from verification where id = :first", {}, [DAY_5]),
    "undo": ("delete from verification_undo", {}, [DAY_2]),
    "inserted": (ANEW, {"ago": timedelta(0)}, [DAY_5]),
    "on an empty day": (ANEW, {"ago": timedelta(days=1)}, [DAY_5 - timedelta(days=1)]),
    "figures": ("update store_day_head set count = 7 where day = :day", {"day": DAY_3}, [DAY_3]),
    "head": ("update store_day_head set head = sha256('') where day = :day", {"day": DAY_3}, [DAY_3, DAY_2]),
    "last head deleted": ("delete from store_day_head where day = :day", {"day": DAY_2}, [DAY_2]),
    "all heads deleted": ("delete from store_day_head", {}, [DAY_2]),
    "head deleted": ("delete from store_day_head where day = :day", {"day": DAY_3}, [DAY_3, DAY_2]),
}


async def test_a_settled_day_cannot_be_rewritten_unseen(shop: Shop, past: list[str], run_job: RunJob) -> None:
    await run_job("redemption.finish_days")
    connection = await shop.session.connection()
    for name, (statement, values, named) in TAMPERED.items():
        undone = await connection.begin_nested()
        await put(shop, statement, **values, **({"first": UUID(past[0])} if ":first" in statement else {}))
        assert await queries_days.rewritten(shop.session) == [(UUID(shop.id), day) for day in named], name
        await undone.rollback()
        assert await queries_days.rewritten(shop.session) == [], name
    # Who computes a head anew as well is found by the day after, as each covers the one before, and at the end by the sealed trail.
    await put(shop, "update redemption set settlement_cents = 900 where verification_id = :first", first=UUID(past[0]))
    again = "update store_day_head t set head = s.made_again, cents = 900"
    await put(shop, f"{again} from ({queries_days.HEADS}) s where t.day = s.day and t.day = :day", day=DAY_5)
    assert await queries_days.rewritten(shop.session) == [(UUID(shop.id), DAY_3)]


async def test_a_check_of_figures_alone_would_not_see_it(shop: Shop, past: list[str], run_job: RunJob) -> None:
    """The known-bad variant: with another clerk, a day has the same count and the same sum."""
    await run_job("redemption.finish_days")
    await put(shop, "update verification set clerk_id = (select member_id from redemption limit 1) where id = :first", first=UUID(past[0]))
    figures = f"select store_id, day from ({queries_days.HEADS}) s where not same_figures"
    assert await shop.sql(figures) == [] and await queries_days.rewritten(shop.session) != []
