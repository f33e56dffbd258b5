"""The level of a month, written down once for each member; who rose or fell at its beginning hears of it with that."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.points import ledger, queries_levels
from app.points.models_months import PointsLevel
from app.points.queries_levels import Turn


async def begin_month(session: AsyncSession, *, member_ids: Collection[UUID], month: date) -> int:
    """Writes the levels with which a month begins, where they are not written yet; returns how many. Erased members get none."""
    await ledger.keep(session, member_ids)
    turns = {turn.member_id: turn for turn in await queries_levels.turns(session, member_ids=member_ids, month=month)}
    if not turns:
        return 0
    rows = [{"member_id": one, "month": month, "level": turns[one].level, "earned": turns[one].earned} for one in sorted(turns)]
    made = await session.exec(
        insert(PointsLevel).values(rows).on_conflict_do_nothing(index_elements=["member_id", "month"])
        .returning(col(PointsLevel.member_id))
    )
    written = made.scalars().all()
    for member_id in written:
        await _tell(session, turns[member_id])
    return len(written)


async def _tell(session: AsyncSession, turn: Turn) -> None:
    """Fell: below what was shown until now. Rose: above what the month before began with. The first level of all is no news."""
    earned = f"近 12 个月获得 {turn.earned} 积分"
    if turn.stored is None:
        return
    if turn.level < turn.reached:
        title, body = "积分等级调整", f"您的积分等级由 {turn.reached} 级调整为 {turn.level} 级（{earned}）。等级每月至多下降一级。"
    elif turn.level > turn.stored:
        title, body = "积分等级上升", f"您的积分等级已升为 {turn.level} 级（{earned}）。"
    else:
        return
    await messages_service.send(
        session, member_id=turn.member_id, category="points", title=title, body=body, path="pages/points/index"
    )
