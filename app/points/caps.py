"""Who may change a cap, and what the caps on changes by hand refuse."""

from uuid import UUID

import sqlalchemy as sa

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import LimitReached
from app.points import ledger, queries_caps, rules, service, workflow_caps
from app.points.models import PointsProposal
from app.points.models_rules import CapCode, PointsCap
from app.points.schemas_rules import CapIn


async def change(session: AsyncSession, *, principal: Principal, code: CapCode, told: CapIn) -> PointsCap:
    """Adds a version, with the rights of a rule. Raises NotFound for an unknown area, Forbidden, ValidationFailed."""
    area_path = await rules.governed(session, principal, told.area_id)
    since = rules.first_day(told.valid_from, told.valid_until)
    draft = PointsCap(
        code=code, version=0, area_path=area_path, valid_from=since, valid_until=told.valid_until, made_by=principal.account_id,
        **told.model_dump(include={"per_day", "per_month", "per_year"}),
    )
    return await service.change_cap(session, draft=draft)


async def require_room(session: AsyncSession, proposal: PointsProposal) -> None:
    """Is there room for an adjustment that is written down already? Counted in the periods of its making, by the caps of today.

    Locks the maker, then the member's balance row: whoever asks for the same person waits, and sees what was written. Raises LimitReached.
    """
    await lock_maker(session, proposal.maker_id)
    await ledger.lock(session, proposal.member_id)
    caps = await queries_caps.over_adjustments(session, area_path=proposal.area_path, on=clock.today())
    moved = await queries_caps.moved(session, proposal, day=clock.local_day(proposal.created_at))
    for code, had in ((CapCode.ADJUSTMENT_PER_MEMBER, moved.member), (CapCode.ADJUSTMENT_PER_MAKER, moved.maker)):
        over = workflow_caps.exceeded([cap for cap in caps if cap.code is code], had)
        if over is not None:
            used = over.used - abs(proposal.amount)
            words = f"{workflow_caps.TITLES[code]}{workflow_caps.PERIODS[over.period]}上限 {over.cap} 分，已用 {used} 分"
            raise LimitReached(words, limit=over.cap, period=over.period, used=used, amount=abs(proposal.amount), cap_code=code)


async def lock_maker(session: AsyncSession, maker_id: UUID) -> None:
    """Until the caller's end, nobody else is judged for this maker. No row is the maker's own here, so the lock is by name."""
    name = f"points.adjustment:{maker_id}"
    await session.exec(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))))
