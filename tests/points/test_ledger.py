"""Awards with their caps, holds, debts, lapses: every figure as the member reads it, and the books in balance after each."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.invariants.checks import CHECKS
from app.points import queries, service
from app.points.errors import InsufficientPoints
from app.points.models import PointsLot
from tests.points.conftest import Cast, Earn
from tests.support.owner import as_owner

# The trail of orders (I12) is written by `redemptions`, which these tests do not go through.
BOOKS = [check for check in CHECKS if check.code in {"I1", "I1b", "I2", "I3", "I4", "I4b", "I4c", "I4d", "I4e", "I5", "I11"}]


async def expect_balanced(session: AsyncSession) -> None:
    await session.flush()
    connection = await session.connection()
    for check in BOOKS:
        broken = (await connection.execute(sa.text(check.sql))).all()
        assert not broken, f"{check.code} {check.means}: {broken}"


async def shown(client: httpx.AsyncClient, cast: Cast) -> tuple[int, int, int]:
    body = (await client.get("/api/v1/points/me", headers=cast.rider.headers)).json()
    lines = (await client.get("/api/v1/points/me/entries?limit=100", headers=cast.rider.headers)).json()["items"]
    assert sum(line["amount"] for line in lines) == body["available"] - body["debt"]
    assert sum(line["held"] for line in lines) == body["held"]
    assert sum(part["amount"] for part in body["expiring"]) == body["available"]
    return body["available"], body["held"], body["debt"]


async def test_one_source_pays_once(client, session, cast: Cast, earn: Earn) -> None:
    source = await earn(cast.rider.id)
    await earn(cast.rider.id, source_id=source)
    assert await shown(client, cast) == (10, 0, 0)
    await expect_balanced(session)


async def test_a_rule_pays_five_times_a_day_of_filing(client, session, cast: Cast, earn: Earn) -> None:
    for _ in range(7):
        await earn(cast.rider.id)
    assert await shown(client, cast) == (50, 0, 0)
    await earn(cast.rider.id, filed_at=clock.now() - timedelta(days=1))
    assert await shown(client, cast) == (60, 0, 0), "what was filed on another day has that day's room"
    await expect_balanced(session)


async def test_an_award_over_the_global_cap_is_credited_in_part(client, session, cast: Cast, earn: Earn) -> None:
    for rule in ("HAZARD_ACCEPTED", "HAZARD_ACCEPTED", "HAZARD_ACCEPTED", "REPORT_ACCEPTED"):
        await earn(cast.rider.id, rule=rule)
    await earn(cast.rider.id, rule="SUGGESTION_ADOPTED")
    assert await shown(client, cast) == (200, 0, 0)
    await expect_balanced(session)


async def test_hold_capture_reverse_release(client, session, cast: Cast, earn: Earn, shops: list[UUID]) -> None:
    await earn(cast.rider.id)
    await earn(cast.rider.id)
    order = {"member_id": cast.rider.id, "redemption_id": new_id(), "number": "D20261122-000001"}
    await service.hold(session, amount=15, **order)
    assert await shown(client, cast) == (5, 15, 0)
    at = {"actor_id": cast.admin.id, "store_id": shops[0], "month": clock.month_start(clock.today())}
    await service.capture(session, amount=15, **order, **at)
    assert await shown(client, cast) == (5, 0, 0)
    await service.reverse_capture(session, amount=15, **order, **at)
    assert await shown(client, cast) == (5, 15, 0)
    await service.release(session, reason_code="redemption_cancelled", **order)
    assert await shown(client, cast) == (20, 0, 0)
    await expect_balanced(session)


async def test_what_is_not_there_cannot_be_held(session, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    with pytest.raises(InsufficientPoints) as refused:
        await service.hold(session, member_id=cast.rider.id, amount=11, redemption_id=new_id(), number="D1")
    assert refused.value.facts == {"available": 10, "needed": 11}


async def test_lapsed_points_leave_and_cannot_be_spent(client, session, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    today = clock.today()
    await session.exec(sa.update(PointsLot).values(expires_on=today - timedelta(days=1)))
    with pytest.raises(InsufficientPoints):
        async with session.begin_nested():
            await service.hold(session, member_id=cast.rider.id, amount=1, redemption_id=new_id(), number="D1")
    assert await service.expire(session, member_id=cast.rider.id, today=today) == 10
    assert await service.expire(session, member_id=cast.rider.id, today=today) == 0
    assert await shown(client, cast) == (0, 0, 0)
    await expect_balanced(session)


async def test_what_lapsed_while_held_comes_back_with_a_week(client, session, cast: Cast, earn: Earn) -> None:
    await earn(cast.rider.id)
    order = {"member_id": cast.rider.id, "redemption_id": new_id(), "number": "D1"}
    await service.hold(session, amount=10, **order)
    today = clock.today()
    await session.exec(sa.update(PointsLot).values(expires_on=today - timedelta(days=1)))
    await service.release(session, reason_code="redemption_expired", **order)
    body = (await client.get("/api/v1/points/me", headers=cast.rider.headers)).json()
    assert body["expiring"] == [{"amount": 10, "on": (today + timedelta(days=7)).isoformat()}]
    await expect_balanced(session)


@pytest.mark.parametrize("statement", ["update points_entry set amount = amount + 1", "delete from points_transaction"])
async def test_history_cannot_be_edited(session, cast: Cast, earn: Earn, statement: str) -> None:
    await earn(cast.rider.id)
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested(), as_owner(session):
            await (await session.connection()).execute(sa.text(statement))


async def test_the_nightly_run_and_reminders(client, session, cast: Cast, earn: Earn, run_job) -> None:
    await earn(cast.rider.id)
    today = clock.today()
    await session.exec(sa.update(PointsLot).values(expires_on=today + timedelta(days=30)))
    await run_job("points.remind")
    inbox = (await client.get("/api/v1/messages", headers=cast.rider.headers)).json()["items"]
    assert [message["title"] for message in inbox] == ["积分即将到期"]
    await session.exec(sa.update(PointsLot).values(expires_on=today - timedelta(days=1)))
    await run_job("points.expire")
    assert await shown(client, cast) == (0, 0, 0)


async def test_a_wrong_balance_is_found(session, cast: Cast, earn: Earn) -> None:
    """The known-bad variant of the checks themselves: each must see the damage it is there for."""
    await earn(cast.rider.id)
    await expect_balanced(session)
    await session.exec(sa.text("update points_balance set available = available + 1"))
    with pytest.raises(AssertionError, match="I4"):
        await expect_balanced(session)


async def test_levels_follow_twelve_months(session, cast: Cast, earn: Earn) -> None:
    for days in range(4):
        for _ in range(5):
            await earn(cast.rider.id, filed_at=clock.now() - timedelta(days=days))
    assert await queries.level(session, member_id=UUID(str(cast.rider.id))) == 2
