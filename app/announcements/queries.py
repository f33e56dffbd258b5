"""Every SELECT of announcements; whom one is for stands in `queries_audience`."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.announcements import queries_audience, workflow
from app.announcements.models import (
    Announcement,
    AnnouncementOrganisation,
    AnnouncementReceipt,
    AnnouncementTally,
    Issuer,
    Kind,
    Status,
)
from app.areas import queries as areas_queries
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import NotFound

CLOCK = queries_audience.CLOCK
LIVE = queries_audience.LIVE
IS: dict[Status, sa.ColumnElement[bool]] = {
    Status.DRAFT: sa.and_(col(Announcement.publish_at).is_(None), col(Announcement.withdrawn_at).is_(None)),
    Status.SCHEDULED: sa.and_(col(Announcement.publish_at) > CLOCK, col(Announcement.withdrawn_at).is_(None)),
    Status.PUBLISHED: LIVE,
    Status.WITHDRAWN: col(Announcement.withdrawn_at).is_not(None),
}


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    instant: datetime = (await session.exec(sa.select(CLOCK))).scalar_one()
    return instant


async def for_me(
    session: AsyncSession, *, principal: Principal, kind: Kind | None, pinned: bool, limit: int, after: UUID | None
) -> Sequence[Announcement]:
    """What is out for the caller, newest first, one more than `limit`; nothing for who is no member. `after` is a place."""
    reader = await queries_audience.reader(session, principal)
    if reader is None:
        return []
    statement = sa.select(Announcement).where(LIVE, queries_audience.fits(reader))
    if kind is not None:
        statement = statement.where(col(Announcement.kind) == kind)
    if pinned:
        statement = statement.where(col(Announcement.pinned_until) >= clock.today())
    if after is not None:
        statement = statement.where(col(Announcement.place) < after)
    found = await session.exec(statement.order_by(col(Announcement.place).desc()).limit(limit + 1))
    return found.scalars().all()


async def managed(
    session: AsyncSession, *, principal: Principal, status: Status | None, area_id: UUID | None, limit: int, after: UUID | None
) -> Sequence[Announcement]:
    """What the caller looks after, the last made first, one more than `limit`. Raises NotFound for an unknown area."""
    statement = sa.select(Announcement).where(_managed(principal))
    if status is not None:
        statement = statement.where(IS[status])
    if area_id is not None:
        statement = statement.where(within(col(Announcement.area_path), [(await areas_queries.get(session, area_id)).path]))
    if after is not None:
        statement = statement.where(col(Announcement.id) < after)
    found = await session.exec(statement.order_by(col(Announcement.id).desc()).limit(limit + 1))
    return found.scalars().all()


def _managed(principal: Principal) -> sa.ColumnElement[bool]:
    """The same rule as `workflow.manages`, as a predicate."""
    own = principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY)
    belongs = sa.select(sa.literal(1)).where(col(AnnouncementOrganisation.announcement_id) == col(Announcement.id))
    led = col(AnnouncementOrganisation.organisation_id).in_(own)
    return sa.or_(
        sa.and_(col(Announcement.issuer) == Issuer.AREA, within(col(Announcement.area_path), principal.area_paths(Role.AREA_ADMIN))),
        sa.and_(
            col(Announcement.issuer) == Issuer.ORGANISATION, sa.exists(belongs.where(led)), sa.not_(sa.exists(belongs.where(sa.not_(led))))
        ),
    )


async def access(session: AsyncSession, *, principal: Principal, announcement_id: UUID) -> tuple[Announcement, bool]:
    """One that the caller looks after, or that is out for them, and whether it is that. Raises NotFound."""
    reader = await queries_audience.reader(session, principal)
    mine = sa.and_(LIVE, queries_audience.fits(reader)) if reader else sa.false()
    found = await session.exec(
        sa.select(Announcement, mine, _managed(principal))
        .where(col(Announcement.id) == announcement_id)
        .execution_options(populate_existing=True)
    )
    row = found.first()
    if row is None or not (row[1] or row[2]):
        raise NotFound
    return row[0], bool(row[1])


async def access_managed(session: AsyncSession, *, principal: Principal, announcement_id: UUID) -> Announcement:
    """Locks one for a change; who is only meant to read it hears Forbidden. Waits for the batch that is being told. Raises NotFound."""
    found = await session.exec(
        sa.select(Announcement)
        .where(col(Announcement.id) == announcement_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    row: Announcement | None = found.scalars().first()
    if row is None:
        raise NotFound
    if not workflow.manages(principal, row, (await organisations_of(session, [row.id])).get(row.id, ())):
        await queries_audience.refuse(session, principal, row)
    return row


async def organisations_of(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """Announcement → the organisations that it is for; those for none are left out."""
    link = AnnouncementOrganisation
    found = await session.exec(
        sa.select(col(link.announcement_id), col(link.organisation_id))
        .where(col(link.announcement_id).in_(set(ids)))
        .order_by(col(link.organisation_id))
    )
    grouped: dict[UUID, list[UUID]] = {}
    for announcement_id, organisation_id in found.all():
        grouped.setdefault(announcement_id, []).append(organisation_id)
    return grouped


async def tallies(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, AnnouncementTally]:
    found = await session.exec(
        sa.select(AnnouncementTally)
        .where(col(AnnouncementTally.announcement_id).in_(set(ids)))
        .execution_options(populate_existing=True)
    )
    return {tally.announcement_id: tally for tally in found.scalars().all()}


async def read_by(session: AsyncSession, ids: Collection[UUID], *, member_id: UUID) -> set[UUID]:
    """Those of these announcements that this person has opened, for that person alone; and those that are long past."""
    opened = sa.exists().where(
        col(AnnouncementReceipt.announcement_id) == col(Announcement.id), col(AnnouncementReceipt.member_id) == member_id,
        col(AnnouncementReceipt.read_at).is_not(None),
    )
    past = col(Announcement.publish_at) <= sa.func.clock_timestamp() - workflow.RECEIPTS_KEPT
    found = await session.exec(sa.select(col(Announcement.id)).where(col(Announcement.id).in_(set(ids)), sa.or_(opened, past)))
    return set(found.scalars().all())


async def outlived(session: AsyncSession) -> Sequence[UUID]:
    """What is long past and was told to all, or taken back, and still has receipts."""
    received = sa.exists().where(col(AnnouncementReceipt.announcement_id) == col(Announcement.id))
    found = await session.exec(
        sa.select(col(Announcement.id)).where(
            received, col(Announcement.publish_at) <= sa.func.clock_timestamp() - workflow.RECEIPTS_DROPPED,
            sa.func.num_nonnulls(col(Announcement.delivered_at), col(Announcement.withdrawn_at)) > 0,
        )
    )
    return found.scalars().all()


async def due(session: AsyncSession) -> Sequence[UUID]:
    """What is out and whose people have not all been told, the longest out first."""
    found = await session.exec(
        sa.select(col(Announcement.id))
        .where(LIVE, col(Announcement.delivered_at).is_(None))
        .order_by(col(Announcement.publish_at), col(Announcement.id))
    )
    return found.scalars().all()


async def may_see_photo(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """The photos of an announcement are for those whom it is for, and for who looks after it."""
    try:
        await access(session, principal=principal, announcement_id=owner_id)
    except NotFound:
        return False
    return True


async def may_see_unpassed(session: AsyncSession, principal: Principal, owner_id: UUID, risky: bool) -> bool:
    """What has not passed the content check is for who looks after it, risky or not: they must see what to take away."""
    row = await session.get(Announcement, owner_id)
    return row is not None and workflow.manages(principal, row, (await organisations_of(session, [owner_id])).get(owner_id, ()))


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What a person was told of and what they opened, for the copy of one's data."""
    found = await session.exec(
        sa.select(col(Announcement.title), col(AnnouncementReceipt.told_at), col(AnnouncementReceipt.read_at))
        .join(Announcement, col(Announcement.id) == col(AnnouncementReceipt.announcement_id))
        .where(col(AnnouncementReceipt.member_id) == member_id)
        .order_by(col(Announcement.id))
    )
    return {
        "announcements": [
            {"title": title, "told_at": told.isoformat() if told else None, "read_at": read.isoformat() if read else None}
            for title, told, read in found.all()
        ]
    }
