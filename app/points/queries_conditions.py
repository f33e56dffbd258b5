"""What keeps an award back or lets it wait, and the lists of it."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.points.models import PointsProposal, PointsText, ProposalStatus
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation, PointsEarningStop

TODAY = auth_queries.TODAY


def _running(member_id: Any) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(PointsEarningStop.member_id) == member_id, col(PointsEarningStop.lifted_at).is_(None), col(PointsEarningStop.until) >= TODAY,
    )


def stopped_until(member_id: Any) -> sa.ScalarSelect[Any]:
    """The last day of the member's stop, null without one, as part of another statement."""
    return sa.select(sa.func.max(PointsEarningStop.until)).where(*_running(member_id)).scalar_subquery()


def stopped(member_id: Any) -> sa.ColumnElement[bool]:
    """Is the member's earning stopped, as part of another statement."""
    return sa.exists().where(*_running(member_id))


async def access_confirmation(session: AsyncSession, *, principal: Principal, confirmation_id: UUID) -> PointsConfirmation:
    """Locks a confirmation in the caller's areas. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(PointsConfirmation)
        .where(
            col(PointsConfirmation.id) == confirmation_id,
            within(col(PointsConfirmation.area_path), principal.area_paths(Role.REVIEWER)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: PointsConfirmation | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def confirmations(
    session: AsyncSession, *, principal: Principal, status: ConfirmationStatus | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """(confirmation, reason) of the areas where the caller is a reviewer, newest first, one more than `limit`."""
    statement = (
        sa.select(PointsConfirmation, col(PointsText.text))
        .outerjoin(PointsText, col(PointsText.id) == col(PointsConfirmation.reason_id))
        .where(within(col(PointsConfirmation.area_path), principal.area_paths(Role.REVIEWER)))
    )
    if status is not None:
        statement = statement.where(col(PointsConfirmation.status) == status)
    if after is not None:
        statement = statement.where(col(PointsConfirmation.id) < after)
    found = await session.exec(statement.order_by(col(PointsConfirmation.id).desc()).limit(limit + 1))
    return found.all()


async def false_reports(session: AsyncSession, *, member_id: UUID, rule: str, within_days: int) -> int:
    """How many of a member's reports were found false in the last days, by the database's clock. The balance row is locked."""
    since: sa.ColumnElement[datetime] = auth_queries.CLOCK - timedelta(days=within_days)
    found = await session.exec(
        sa.select(sa.func.count()).where(
            col(PointsProposal.member_id) == member_id, col(PointsProposal.rule_code) == rule, col(PointsProposal.type) == "award",
            col(PointsProposal.status) == ProposalStatus.APPROVED, col(PointsProposal.decided_at) >= since,
        )
    )
    return int(found.scalar_one())


async def now(session: AsyncSession) -> tuple[datetime, date]:
    """Instant and local day by the database's clock."""
    found = await session.exec(sa.select(auth_queries.CLOCK, TODAY))
    instant, day = found.one()
    return instant, day


async def access_stop(session: AsyncSession, *, principal: Principal, stop_id: UUID) -> PointsEarningStop:
    """Locks a stop in the areas that the caller administers. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(PointsEarningStop)
        .where(
            col(PointsEarningStop.id) == stop_id, within(col(PointsEarningStop.area_path), principal.area_paths(Role.AREA_ADMIN)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: PointsEarningStop | None = found.scalars().first()
    if row is None:
        raise NotFound
    return row


async def stops(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[Any]:
    """(stop, the report that set it, its number, reason of its lifting) in the caller's areas, newest first, one more than `limit`."""
    statement = (
        sa.select(PointsEarningStop, col(PointsProposal.report_id), col(PointsProposal.report_number), col(PointsText.text))
        .join(PointsProposal, col(PointsProposal.id) == col(PointsEarningStop.cause_id))
        .outerjoin(PointsText, col(PointsText.id) == col(PointsEarningStop.lift_reason_id))
        .where(within(col(PointsEarningStop.area_path), principal.area_paths(Role.AREA_ADMIN)))
    )
    if after is not None:
        statement = statement.where(col(PointsEarningStop.id) < after)
    found = await session.exec(statement.order_by(col(PointsEarningStop.id).desc()).limit(limit + 1))
    return found.all()


async def cause_of(session: AsyncSession, stop: PointsEarningStop) -> tuple[UUID | None, str | None]:
    """The report that set a stop, and its number."""
    found = await session.exec(
        sa.select(col(PointsProposal.report_id), col(PointsProposal.report_number)).where(col(PointsProposal.id) == stop.cause_id)
    )
    report_id, number = found.one()
    return report_id, number
