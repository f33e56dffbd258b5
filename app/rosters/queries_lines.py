"""Every SELECT of a roster's lines, with where the people on them stand now."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.auth.principal import within
from app.db.session import AsyncSession
from app.errors import NotFound
from app.registrations.models import Registration, Status
from app.registrations.queries import IS_OPEN
from app.rosters.models import Roster, RosterKind, RosterLine
from app.rosters.workflow import LineState
from app.security import sealing

FRESH = {"populate_existing": True}
JOINED = sa.and_(col(Registration.member_id) == col(RosterLine.member_id), IS_OPEN)  # a person has one open registration at most


def state_in(roster: Roster, tenant: str) -> sa.ColumnElement[str]:
    """Where a line's person stands now, over lines joined with open registrations (`JOINED`)."""
    active = col(Registration.status) == Status.ACTIVE
    return sa.case(
        (sa.and_(col(Registration.organisation_id) == roster.owner_id, ~active), LineState.REGISTERED.value),
        (sa.and_(active, within(col(Registration.area_path), [tenant])), LineState.UNDECLARED.value),
        else_=LineState.NOT_REGISTERED.value,
    )


async def figures(session: AsyncSession, roster: Roster, tenant: str) -> tuple[int, int]:
    """How many lines a roster has, and how many of their people are registered now: with the organisation; for an enterprise anywhere."""
    here = state_in(roster, tenant) == LineState.REGISTERED.value
    counted = here if roster.kind is RosterKind.ORGANISATION else col(Registration.id).is_not(None)
    found = await session.exec(
        sa.select(sa.func.count(), sa.func.count().filter(counted))
        .select_from(RosterLine)
        .outerjoin(Registration, JOINED)
        .where(col(RosterLine.roster_id) == roster.id)
    )
    people, registered = found.one()
    return people, registered


async def lines(
    session: AsyncSession, *, roster: Roster, tenant: str, state: LineState | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Lines with where their people stand now, last first, one more than `limit`."""
    now = state_in(roster, tenant)
    statement = sa.select(RosterLine, now).outerjoin(Registration, JOINED).where(col(RosterLine.roster_id) == roster.id)
    if state is not None:
        statement = statement.where(now == state.value)
    if after is not None:
        statement = statement.where(col(RosterLine.id) < after)
    found = await session.exec(statement.order_by(col(RosterLine.id).desc()).limit(limit + 1).execution_options(**FRESH))
    return found.all()


async def candidates(
    session: AsyncSession, *, roster: Roster, tenant: str, limit: int, after: tuple[LineState, UUID] | None
) -> Sequence[Any]:
    """Whom the secretary may want to speak to, one more than `limit`: the undeclared first, in each group the last line first."""
    now = state_in(roster, tenant)
    later = now == LineState.NOT_REGISTERED.value
    statement = (
        sa.select(RosterLine, now)
        .outerjoin(Registration, JOINED)
        .where(col(RosterLine.roster_id) == roster.id, now != LineState.REGISTERED.value)
    )
    if after is not None:
        rest = sa.and_(now == after[0].value, col(RosterLine.id) < after[1])
        statement = statement.where(sa.or_(rest, later) if after[0] is LineState.UNDECLARED else rest)
    found = await session.exec(statement.order_by(later, col(RosterLine.id).desc()).limit(limit + 1).execution_options(**FRESH))
    return found.all()


async def line(session: AsyncSession, *, roster: Roster, tenant: str, line_id: UUID) -> tuple[RosterLine, LineState]:
    """One line, locked, with where its person stands now. Raises NotFound for a line of no (or of another) roster."""
    found = await session.exec(
        sa.select(RosterLine, state_in(roster, tenant))
        .outerjoin(Registration, JOINED)
        .where(col(RosterLine.roster_id) == roster.id, col(RosterLine.id) == line_id)
        .with_for_update(of=RosterLine)
        .execution_options(**FRESH)
    )
    row = found.first()
    if row is None:
        raise NotFound
    return row[0], LineState(row[1])


async def all_lines(session: AsyncSession, *, roster_id: UUID) -> Sequence[RosterLine]:
    """The lines of a roster, oldest first: at most one file's worth."""
    found = await session.exec(
        sa.select(RosterLine).where(col(RosterLine.roster_id) == roster_id).order_by(col(RosterLine.id)).execution_options(**FRESH)
    )
    return found.scalars().all()


async def lines_of_numbers(session: AsyncSession, *, roster_id: UUID, phones: Iterable[str]) -> Sequence[RosterLine]:
    """The lines of a roster with one of these numbers, under whatever key each was written."""
    indexes = [index for phone in phones for index in sealing.blind_indexes(session, phone, purpose="phone")]
    found = await session.exec(
        sa.select(RosterLine)
        .where(col(RosterLine.roster_id) == roster_id, col(RosterLine.phone_index) == sa.any_(sa.cast(indexes, ARRAY(sa.LargeBinary))))
        .order_by(col(RosterLine.id))
        .execution_options(**FRESH)
    )
    return found.scalars().all()


async def followed_up(session: AsyncSession, *, owner_id: UUID) -> Sequence[RosterLine]:
    """The lines of an owner's rosters that carry a follow-up."""
    found = await session.exec(
        sa.select(RosterLine)
        .join(Roster, col(Roster.id) == col(RosterLine.roster_id))
        .where(col(Roster.owner_id) == owner_id, col(RosterLine.follow_up).is_not(None))
    )
    return found.scalars().all()


async def any_left(session: AsyncSession, *, roster_id: UUID) -> bool:
    found = await session.exec(sa.select(sa.exists().where(col(RosterLine.roster_id) == roster_id)))
    return bool(found.scalar_one())
