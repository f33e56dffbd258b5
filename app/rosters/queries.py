"""Every SELECT of rosters."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.models import Account
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import Forbidden, NotFound
from app.members.models import Member
from app.organisations import queries as organisations_queries
from app.registrations.models import Registration
from app.registrations.queries import IS_OPEN
from app.rosters import workflow
from app.rosters.models import Roster, RosterErrors, RosterKind, RosterLine, RosterRows, RosterStatus
from app.security import sealing

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
MARGIN = timedelta(minutes=5)  # a registration that was begun before a matching may be committed after it
FRESH = {"populate_existing": True}


async def expect_access(session: AsyncSession, *, principal: Principal, kind: RosterKind, owner_id: UUID) -> str:
    """The area path of a roster's owner, for those who keep the roster: an enterprise's contact and the administrators of its area, an
    organisation's secretary alone. Raises NotFound without a grant there, Forbidden with another.
    """
    path = await path_of(session, kind=kind, owner_id=owner_id)
    if kind is RosterKind.ENTERPRISE:
        scope_type = ScopeType.ENTERPRISE
        may = principal.holds(scope_type, owner_id, Role.ENTERPRISE_CONTACT) or principal.covers(path, Role.AREA_ADMIN)
    else:
        scope_type = ScopeType.ORGANISATION
        may = principal.holds(scope_type, owner_id, Role.ORG_SECRETARY)
    if not may:
        near = principal.holds(scope_type, owner_id, *Role) or principal.covers(path, *Role)
        raise Forbidden if near else NotFound
    return path


async def path_of(session: AsyncSession, *, kind: RosterKind, owner_id: UUID) -> str:
    """Raises NotFound."""
    if kind is RosterKind.ENTERPRISE:
        return (await enterprises_queries.get(session, owner_id)).area_path
    return (await organisations_queries.get(session, owner_id)).area_path


async def tenant_of(session: AsyncSession, roster: Roster) -> str:
    """The path of the tenant that a roster's owner lies in; its own for one above all tenants.

    Whoever asks is about to compare the roster, which is theirs, with all that registered in that tenant.
    """
    await acting.as_service(session, Reason.FIGURES)
    path = await path_of(session, kind=roster.kind, owner_id=roster.owner_id)
    try:
        return (await areas_queries.root_of(session, path=path)).path
    except NotFound:
        return path


async def newest(session: AsyncSession, *, owner_id: UUID, lock: bool = False) -> Roster:
    """The roster that counts, by the database's clock: the clocks of two replicas may differ. Raises NotFound while there is none."""
    statement = sa.select(Roster).where(col(Roster.owner_id) == owner_id).order_by(col(Roster.created_at).desc(), col(Roster.id).desc())
    found = await session.exec((statement.with_for_update() if lock else statement).limit(1).execution_options(**FRESH))
    roster: Roster | None = found.scalars().first()
    if roster is None:
        raise NotFound("还没有上传过花名册")
    return roster


async def is_newest(session: AsyncSession, roster: Roster) -> bool:
    return (await newest(session, owner_id=roster.owner_id)).id == roster.id


async def lock(session: AsyncSession, roster_id: UUID) -> Roster | None:
    return next(iter(await _locked(session, col(Roster.id) == roster_id)), None)


async def lock_kept(session: AsyncSession, *, owner_id: UUID) -> Sequence[Roster]:
    """The rosters of an owner of which something is kept, locked: a job that is adding lines to one is waited for."""
    return await _locked(session, col(Roster.owner_id) == owner_id, sa.or_(_has(RosterRows), _has(RosterLine), _has(RosterErrors)))


async def lock_waiting(session: AsyncSession) -> Sequence[Roster]:
    """The rosters whose people wait for their lines, locked: while it lasts none gets one."""
    return await _locked(session, _has(RosterRows))


async def _locked(session: AsyncSession, *where: sa.ColumnElement[bool]) -> Sequence[Roster]:
    found = await session.exec(sa.select(Roster).where(*where).order_by(col(Roster.id)).with_for_update().execution_options(**FRESH))
    rosters: Sequence[Roster] = found.scalars().all()
    return rosters


def _has(kept: Any) -> sa.ColumnElement[bool]:
    return sa.exists().where(col(kept.roster_id) == col(Roster.id))


async def progress_of(session: AsyncSession, roster_id: UUID) -> int | None:
    """How far a roster is, unlocked; None for an unknown one."""
    found = await session.exec(sa.select(col(Roster.processed)).where(col(Roster.id) == roster_id))
    at: int | None = found.scalars().first()
    return at


async def rows(session: AsyncSession, roster_id: UUID) -> RosterRows | None:
    return await session.get(RosterRows, roster_id, populate_existing=True)


async def errors(session: AsyncSession, roster_id: UUID) -> RosterErrors | None:
    return await session.get(RosterErrors, roster_id, populate_existing=True)


async def has_errors(session: AsyncSession, roster_id: UUID) -> bool:
    found = await session.exec(sa.select(sa.exists().where(col(RosterErrors.roster_id) == roster_id)))
    return bool(found.scalar_one())


async def accounts(session: AsyncSession, phones: Collection[str]) -> dict[UUID, str]:
    """Whose account each number is bound to, by account id. Locked against an erasure, which would be half done otherwise.

    Asked for under every key of the ring: an account and a line may have been written under different ones.
    """
    known = {index: phone for phone in phones for index in sealing.blind_indexes(session, phone, purpose="phone")}
    found = await session.exec(
        sa.select(col(Account.id), col(Account.phone_index))
        .where(col(Account.phone_index) == sa.any_(sa.cast(list(known), ARRAY(sa.LargeBinary))))
        .order_by(col(Account.id))
        .with_for_update(read=True)
    )
    return {account_id: known[index] for account_id, index in found.all()}


async def newcomers(session: AsyncSession, *, roster: Roster, tenant: str, since: datetime) -> dict[UUID, str]:
    """The numbers of those who registered in the tenant since then and stand on none of a roster's lines yet, by account id.

    Whoever is being changed or erased at this moment is left to the next reading.
    """
    linked = sa.exists().where(col(RosterLine.roster_id) == roster.id, col(RosterLine.member_id) == col(Registration.member_id))
    found = await session.exec(
        sa.select(col(Account.id), col(Account.phone_sealed))
        .join(Registration, sa.and_(col(Registration.member_id) == col(Account.id), IS_OPEN))
        .where(
            col(Registration.created_at) > since - MARGIN,
            within(col(Registration.area_path), [tenant]), col(Account.phone_sealed).is_not(None), ~linked,
        )
        .with_for_update(read=True, skip_locked=True, of=Account)
    )
    return {one: sealing.unseal(session, phone, table="account", column="phone", row=one) for one, phone in found.all()}


async def members(session: AsyncSession, ids: Collection[UUID]) -> Sequence[Member]:
    found = await session.exec(sa.select(Member).where(col(Member.id) == sa.any_(sa.cast(list(ids), ARRAY(sa.Uuid)))))
    return found.scalars().all()


async def living(session: AsyncSession) -> Sequence[UUID]:
    """The matched rosters of organisations that have lines and no job, to be matched again."""
    found = await session.exec(
        sa.select(col(Roster.id))
        .where(
            col(Roster.kind) == RosterKind.ORGANISATION, col(Roster.status) == RosterStatus.MATCHED, col(Roster.started_at).is_(None),
            _has(RosterLine),
        )
        .order_by(col(Roster.id))
    )
    return found.scalars().all()


async def stalled(session: AsyncSession) -> Sequence[Any]:
    """Rosters whose job should have ended long ago, locked; each with whether it is too late for it."""
    begun = sa.func.coalesce(col(Roster.started_at), col(Roster.created_at))
    waits = sa.or_(_has(RosterRows), col(Roster.started_at).is_not(None))
    found = await session.exec(
        sa.select(Roster, col(Roster.created_at) < CLOCK - workflow.ROWS_KEPT)
        .where(waits, begun < CLOCK - workflow.STALLED)
        .order_by(col(Roster.id))
        .with_for_update(skip_locked=True, of=Roster)
        .execution_options(**FRESH)
    )
    return found.all()


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """On how many lists of people somebody stands, and of what kind, for the copy of one's data.

    Where number and name agree, that is: a number alone may have been somebody else's before.
    """
    found = await session.exec(
        sa.select(col(Roster.kind), sa.func.count())
        .join(RosterLine, col(RosterLine.roster_id) == col(Roster.id))
        .where(col(RosterLine.member_id) == member_id)
        .group_by(col(Roster.kind))
    )
    return {"rosters": {kind.value: count for kind, count in found.all()}}
