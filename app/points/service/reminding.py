"""Who has points that lapse soon hears of it 60, 30 and 7 days before, once each."""

from collections.abc import Collection
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.points import ledger, queries, workflow
from app.points.models_months import PointsReminder

KEPT = timedelta(days=30)


async def remind(session: AsyncSession, *, member_ids: Collection[UUID], today: date) -> int:
    """Tells these members of what lapses soon, unless they heard it; returns how many messages. Each is claimed by its row first."""
    await ledger.keep(session, member_ids)
    last = today + timedelta(days=max(workflow.REMINDER_DAYS))
    due = await queries.lapsing_between(session, member_ids=member_ids, first=today, last=last)
    if not due:
        return 0
    rows = [
        {"member_id": member_id, "lapses_on": on, "stage": workflow.reminder_stage((on - today).days)} for member_id, on in sorted(due)
    ]
    claimed = await session.exec(
        insert(PointsReminder).values(rows).on_conflict_do_nothing(index_elements=["member_id", "lapses_on", "stage"])
        .returning(col(PointsReminder.member_id), col(PointsReminder.lapses_on))
    )
    told = claimed.all()
    for member_id, on in told:
        await messages_service.send(
            session, member_id=member_id, category="points", title="积分即将到期", path="pages/points/index",
            body=f"您有 {due[member_id, on]} 积分将在 {on:%Y年%m月%d日} 后失效", moment="points_expiring",
        )
    return len(told)


async def sweep_reminders(session: AsyncSession, *, today: date) -> None:
    """Forgets who was told, long after."""
    await session.exec(sa.delete(PointsReminder).where(col(PointsReminder.lapses_on) < today - KEPT))
