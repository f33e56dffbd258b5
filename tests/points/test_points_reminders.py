"""Who has points that lapse hears of it 60, 30 and 7 days before: once each, whatever runs twice or not at all."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.messages.models import Message
from app.points import jobs, queries, service, workflow
from app.points.models import PointsLot
from app.points.models_months import PointsReminder
from tests.points.banked import Bank, bank, give, in_days
from tests.points.conftest import Cast

__all__ = ["bank"]
REMIND = "points.remind"


async def heard(session: AsyncSession, member_id: UUID) -> list[str]:
    rows = await session.exec(sa.select(col(Message.body)).where(col(Message.member_id) == member_id).order_by(col(Message.id)))
    return list(rows.scalars())


async def said(session: AsyncSession, member_id: UUID) -> list[int]:
    rows = await session.exec(
        sa.select(col(PointsReminder.stage)).where(col(PointsReminder.member_id) == member_id)
        .order_by(col(PointsReminder.lapses_on), col(PointsReminder.stage).desc())
    )
    return list(rows.scalars())


@pytest.mark.parametrize(("days", "stage"), [(60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (0, 7)])
def test_the_nearest_stage(days: int, stage: int) -> None:
    assert workflow.reminder_stage(days) == stage


async def test_each_stage_is_said_once(session, cast: Cast, run_job) -> None:
    """As the days go by, with a run each day and one day on which it ran twice."""
    rider, last_day = cast.rider.id, in_days(200)
    await give(session, rider, 12, lapses_on=last_day)
    for left in range(62, -2, -1):
        for _ in range(2 if left == 30 else 1):
            await service.remind(session, member_ids=[rider], today=last_day - timedelta(days=left))
    assert await said(session, rider) == [60, 30, 7]
    assert await heard(session, rider) == [f"您有 12 积分将在 {last_day:%Y年%m月%d日} 后失效"] * 3


@pytest.mark.parametrize(("left", "stages"), [(61, []), (60, [60]), (45, [60]), (29, [30]), (3, [7]), (0, [7]), (-1, [])])
async def test_who_never_heard_hears_the_nearest_once(session, cast: Cast, run_job, left: int, stages: list[int]) -> None:
    await give(session, cast.rider.id, 12, lapses_on=in_days(left))
    for _ in range(3):
        await run_job(REMIND)
    assert (await said(session, cast.rider.id), len(await heard(session, cast.rider.id))) == (stages, len(stages))


async def test_a_message_names_what_lapses_on_one_day(session, cast: Cast, run_job) -> None:
    """Lots of one day together; what lapses on another day is another message; what is spent is not spoken of."""
    for points, days in ((5, 20), (6, 20), (9, 50)):
        await give(session, cast.rider.id, points, lapses_on=in_days(days))
    await give(session, cast.second.id, 7, lapses_on=in_days(20))
    await session.exec(sa.update(PointsLot).where(col(PointsLot.amount) == 5).values(remaining=0))
    await run_job(REMIND)
    assert [words[:6] for words in await heard(session, cast.rider.id)] == ["您有 6 积", "您有 9 积"]
    assert len(await heard(session, cast.second.id)) == 1


async def test_what_comes_back_with_a_week_is_said_at_once(session, cast: Cast, run_job) -> None:
    rider, order = cast.rider.id, {"member_id": cast.rider.id, "redemption_id": new_id(), "number": "D1"}
    await give(session, rider, 10)
    await service.hold(session, amount=10, **order)
    await session.exec(sa.update(PointsLot).values(expires_on=in_days(-1)))
    await run_job(REMIND)
    assert await heard(session, rider) == []
    await service.release(session, reason_code="redemption_expired", **order)
    await run_job(REMIND)
    assert await said(session, rider) == [7]


async def test_reminders_go_a_month_after_the_day_and_with_the_account(session, cast: Cast, run_job) -> None:
    for member, day in ((cast.rider.id, in_days(-31)), (cast.rider.id, in_days(-30)), (cast.second.id, in_days(5))):
        session.add(PointsReminder(member_id=member, lapses_on=day, stage=7))
    await session.flush()
    await run_job(REMIND)
    assert in_days(-30).isoformat() in str(await queries.export(session, member_id=cast.rider.id))
    assert await said(session, cast.rider.id) == [7]
    await service.forget(session, member_id=cast.rider.id)
    assert (await said(session, cast.rider.id), await said(session, cast.second.id)) == ([], [7])


async def test_many_members_are_told_in_batches(session, cast: Cast, people, run_job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "PAGE", 3)
    monkeypatch.setattr(jobs, "BATCH", 2)
    members = [(await people.member()).id for _ in range(7)]
    for member in members:
        await give(session, member, 1, lapses_on=in_days(9))
    for _ in range(2):
        await run_job(REMIND)
    assert [len(await heard(session, member)) for member in members] == [1] * 7


def said_once(messages: Sequence[Any]) -> None:
    assert len(messages) == 1, messages


@pytest.mark.parametrize("naive", [False, True])
async def test_two_workers_say_it_once(bank: Bank, monkeypatch: pytest.MonkeyPatch, naive: bool) -> None:
    """`naive` looks whether it was said and says it then, as both do at once: the judgement refuses that."""
    rider = await bank.member((10, in_days(20)))
    if naive:
        monkeypatch.setattr(service, "remind", _look_and_say())
    await bank.twice_at_once(jobs.remind)
    if naive:
        with pytest.raises(AssertionError):
            said_once(await bank.inbox(rider))
    else:
        await bank.twice_at_once(jobs.remind)
        said_once(await bank.inbox(rider))


def _look_and_say() -> Any:
    both = asyncio.Barrier(2)

    async def remind(session: AsyncSession, *, member_ids: Sequence[UUID], today: date) -> None:
        known = (await session.exec(sa.select(PointsReminder).where(col(PointsReminder.member_id).in_(member_ids)))).first()
        await both.wait()
        if known is None:
            for member in member_ids:
                await messages_service.send(session, member_id=member, category="points", title="积分即将到期", body="失效")

    return remind
