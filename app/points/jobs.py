"""What the ledger does by the clock: points lapse, and people are told beforehand."""

from datetime import timedelta

from app import clock
from app.jobs.registry import Context, every
from app.messages import service as messages_service
from app.points import queries, service

REMINDER_DAYS = (60, 30, 7)


@every("10 16 * * *", "points.expire")
async def expire(context: Context) -> None:
    """Ten past midnight in Shanghai. One transaction per member: a failure loses one person's turn until tomorrow, no more."""
    today = clock.today()
    async with context.database.reader() as reader:
        members = await queries.members_with_lapsed(reader, today=today)
    for member_id in members:
        async with context.database.transaction() as session:
            await service.expire(session, member_id=member_id, today=today)


@every("0 1 * * *", "points.remind")
async def remind(context: Context) -> None:
    """Nine in the morning: who has points that lapse in exactly 60, 30 or 7 days hears how many."""
    for days in REMINDER_DAYS:
        on = clock.today() + timedelta(days=days)
        async with context.database.transaction() as session:
            for member_id, points in await queries.lapsing_on(session, on=on):
                words = f"您有 {points} 积分将在 {on:%Y年%m月%d日} 后失效"
                await messages_service.send(
                    session, member_id=member_id, category="points", title="积分即将到期", body=words, path="pages/points/index"
                )
