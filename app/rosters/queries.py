"""Every SELECT of rosters."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import Forbidden, NotFound
from app.organisations import queries as organisations_queries
from app.registrations.models import Registration
from app.registrations.queries import IS_OPEN
from app.rosters.models import Roster, RosterKind, RosterLine

TABLE = "roster_line"


async def expect_access(session: AsyncSession, *, principal: Principal, kind: RosterKind, owner_id: UUID) -> str:
    """The area path of a roster's owner, for those who keep the roster: an enterprise's contact and the administrators of its area, an
    organisation's secretary alone. Raises NotFound without a grant there, Forbidden with another.
    """
    if kind is RosterKind.ENTERPRISE:
        path, scope_type = (await enterprises_queries.get(session, owner_id)).area_path, ScopeType.ENTERPRISE
        may = principal.holds(scope_type, owner_id, Role.ENTERPRISE_CONTACT) or principal.covers(path, Role.AREA_ADMIN)
    else:
        path, scope_type = (await organisations_queries.get(session, owner_id)).area_path, ScopeType.ORGANISATION
        may = principal.holds(scope_type, owner_id, Role.ORG_SECRETARY)
    if not may:
        near = principal.holds(scope_type, owner_id, *Role) or principal.covers(path, *Role)
        raise Forbidden if near else NotFound
    return path


async def newest(session: AsyncSession, *, owner_id: UUID) -> Roster:
    """Raises NotFound while none was uploaded."""
    found = await session.exec(
        sa.select(Roster).where(col(Roster.owner_id) == owner_id).order_by(col(Roster.id).desc()).limit(1)
    )
    roster: Roster | None = found.scalars().first()
    if roster is None:
        raise NotFound("还没有上传过花名册")
    return roster


async def lock(session: AsyncSession, roster_id: UUID) -> Roster | None:
    found = await session.exec(
        sa.select(Roster).where(col(Roster.id) == roster_id).with_for_update().execution_options(populate_existing=True)
    )
    roster: Roster | None = found.scalars().first()
    return roster


async def candidates(session: AsyncSession, roster: Roster) -> Sequence[Any]:
    """The lines whose number somebody with an open registration has bound, with that person and their organisation."""
    found = await session.exec(
        sa.select(RosterLine, col(Account.id), col(Registration.organisation_id))
        .join(Account, col(Account.phone_index) == col(RosterLine.phone_index))
        .join(Registration, sa.and_(col(Registration.member_id) == col(Account.id), IS_OPEN))
        .where(col(RosterLine.roster_id) == roster.id)
        .order_by(col(RosterLine.id))
    )
    return found.all()


async def lines(session: AsyncSession, *, roster: Roster, limit: int, after: UUID | None) -> Sequence[Any]:
    """The lines of an organisation's roster, last first, one more than `limit`; each with whether the person is registered with it now."""
    statement = (
        sa.select(RosterLine, col(Registration.id).is_not(None))
        .outerjoin(
            Registration,
            sa.and_(
                col(Registration.member_id) == col(RosterLine.member_id), col(Registration.organisation_id) == roster.owner_id, IS_OPEN
            ),
        )
        .where(col(RosterLine.roster_id) == roster.id)
    )
    if after is not None:
        statement = statement.where(col(RosterLine.id) < after)
    found = await session.exec(statement.order_by(col(RosterLine.id).desc()).limit(limit + 1))
    return found.all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """On how many lists of people somebody stands who registered, and of what kind, for the copy of one's data."""
    found = await session.exec(
        sa.select(col(Roster.kind), sa.func.count())
        .join(RosterLine, col(RosterLine.roster_id) == col(Roster.id))
        .where(col(RosterLine.member_id) == member_id)
        .group_by(col(Roster.kind))
    )
    return {"rosters": {kind.value: count for kind, count in found.all()}}
