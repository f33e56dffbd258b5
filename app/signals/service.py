"""Signals are made anew as a whole, under the lock of their report, and go with the person who filed it; so do the risk ranks."""

from collections.abc import Collection
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.members.models import Purpose
from app.reports import queries as reports_queries
from app.reports.models import Report
from app.signals import queries, workflow
from app.signals.models import ReportSignal, RiskRank, SignalKind


async def recompute(session: AsyncSession, *, report_id: UUID) -> None:
    """Replaces the signals of a report. A rounded place says nothing any more: what was noted while it was exact stays."""
    report = (await reports_queries.lock(session, report_id)).get(report_id)
    if report is None or report.place_rounded_at is not None:
        return
    found = workflow.signals(await queries.evidence(session, report))
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id) == report_id))
    session.add_all([ReportSignal(report_id=report_id, kind=kind, facts=facts) for kind, facts in found.items()])
    await session.flush()


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Locks the person's reports first: a job that is at work on one of them would write after the deletion otherwise."""
    own = await session.exec(
        sa.select(col(Report.id)).where(col(Report.member_id) == member_id).order_by(col(Report.id)).with_for_update()
    )
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id).in_(own.scalars().all())))
    await session.exec(sa.delete(RiskRank).where(col(RiskRank.member_id) == member_id))


def note_asking(session: AsyncSession, *, member_id: UUID, scene: int) -> None:
    """The trail says that address and number are handed over; what comes back it does not say."""
    audit_service.record(session, "signals.ask_risk", object_kind="member", object_id=member_id, scene=scene)


async def note_risk(session: AsyncSession, *, member_id: UUID, rank: int) -> bool:
    """Keeps what WeChat has answered; False when the person no longer agrees.

    Locks the account, so that a withdrawal comes before or after. Raises NotFound for an erased account.
    """
    account = await auth_queries.lock_account(session, member_id)
    if Purpose.RISK_CHECK not in account.consented:
        return False
    told = {"rank": rank, "asked_at": queries.CLOCK, "keep_until": queries.CLOCK + workflow.RANK_KEPT}
    await session.exec(
        insert(RiskRank).values(member_id=member_id, **told).on_conflict_do_update(index_elements=["member_id"], set_=told)
    )
    return True


async def forget_risk(session: AsyncSession, *, member_id: UUID) -> None:
    """What a withdrawn consent takes along: the rank, and what it said about reports."""
    own = sa.select(col(Report.id)).where(col(Report.member_id) == member_id)
    await session.exec(
        sa.delete(ReportSignal).where(col(ReportSignal.kind) == SignalKind.WECHAT_RISK, col(ReportSignal.report_id).in_(own))
    )
    await session.exec(sa.delete(RiskRank).where(col(RiskRank.member_id) == member_id))


async def drop_old_ranks(session: AsyncSession) -> None:
    await session.exec(sa.delete(RiskRank).where(col(RiskRank.keep_until) <= queries.CLOCK))


async def drop(session: AsyncSession, *, ids: Collection[UUID]) -> None:
    """Takes the signals of these reports away; whoever calls holds their rows."""
    await session.exec(sa.delete(ReportSignal).where(col(ReportSignal.report_id).in_(ids)))
