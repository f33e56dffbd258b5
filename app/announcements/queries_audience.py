"""Whom an announcement is for: the same rule asked from a person's side, and from the announcement's, batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.announcements import workflow
from app.announcements.models import Announcement, AnnouncementOrganisation
from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.models import Account
from app.auth.principal import AccountKind, AccountStatus, Principal, within
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.members.models import Member
from app.registrations.models import Registration, Status
from app.schemas import Occupation

CLOCK = auth_queries.CLOCK
LIVE = sa.and_(col(Announcement.publish_at) <= CLOCK, col(Announcement.withdrawn_at).is_(None))


@dataclass(frozen=True, slots=True)
class Reader:
    """What of a person decides what they are shown. Without a work area somebody belongs to the tenant, or while there is none, nowhere."""

    paths: Sequence[str]
    occupation: Occupation | None
    organisation_ids: Sequence[UUID]


async def reader(session: AsyncSession, principal: Principal) -> Reader | None:
    """None for a console account."""
    if principal.kind is not AccountKind.WECHAT:
        return None
    me = principal.account_id
    led_by = (
        sa.select(col(Registration.organisation_id))
        .where(col(Registration.member_id) == me, col(Registration.status) == Status.APPROVED)
        .scalar_subquery()
    )
    path = sa.func.coalesce(col(Member.area_path), areas_queries.oldest_tenant())
    found = await session.exec(
        sa.select(path, col(Member.occupation), led_by)
        .select_from(Account)
        .outerjoin(Member, col(Member.id) == col(Account.id))
        .where(col(Account.id) == me)
    )
    at, occupation, organisation_id = found.one()
    return Reader(workflow.above(at) if at else (), occupation, [organisation_id] if organisation_id else ())


def fits(one: Reader) -> sa.ColumnElement[bool]:
    """The predicate of announcements that are for this person."""
    trades = col(Announcement.occupations)
    my_trade = sa.false() if one.occupation is None else sa.literal(one.occupation.value) == sa.any_(trades)
    mine = sa.exists(
        sa.select(sa.literal(1)).where(
            col(AnnouncementOrganisation.announcement_id) == col(Announcement.id),
            col(AnnouncementOrganisation.organisation_id).in_(one.organisation_ids),
        )
    )
    return sa.and_(
        col(Announcement.area_path).in_(one.paths), sa.or_(trades.is_(None), my_trade),
        sa.or_(sa.not_(col(Announcement.to_organisations)), mine),
    )


async def refuse(session: AsyncSession, principal: Principal, row: Announcement) -> NoReturn:
    """Raises Forbidden for somebody whom it is out for, NotFound for anybody else."""
    one = await reader(session, principal)
    if one is None:
        raise NotFound
    found = await session.exec(sa.select(sa.literal(1)).select_from(Announcement).where(col(Announcement.id) == row.id, LIVE, fits(one)))
    raise Forbidden if found.first() is not None else NotFound


async def audience(session: AsyncSession, row: Announcement, *, after: UUID | None, limit: int) -> list[UUID]:
    """The next people whom it is for, by id: members who agree to the service and whose accounts are alive."""
    root = await areas_queries.root(session)
    here = within(col(Member.area_path), [row.area_path])
    if root is not None and root.path.startswith(row.area_path):
        here = sa.or_(here, col(Member.area_path).is_(None))
    statement = (
        sa.select(col(Member.id))
        .join(Account, col(Account.id) == col(Member.id))
        .where(
            col(Account.kind) == AccountKind.WECHAT, col(Account.status) == AccountStatus.ACTIVE,
            col(Account.consented).contains(["service"]), col(Member.erased_at).is_(None), here,
        )
    )
    if row.occupations is not None:
        statement = statement.where(col(Member.occupation).in_([Occupation(trade) for trade in row.occupations]))
    if row.to_organisations:
        statement = statement.where(_looked_after(row.id))
    if after is not None:
        statement = statement.where(col(Member.id) > after)
    found = await session.exec(statement.order_by(col(Member.id)).limit(limit))
    return list(found.scalars().all())


def _looked_after(announcement_id: UUID) -> sa.ColumnElement[bool]:
    return sa.exists(
        sa.select(sa.literal(1))
        .join_from(
            Registration, AnnouncementOrganisation,
            col(AnnouncementOrganisation.organisation_id) == col(Registration.organisation_id),
        )
        .where(
            col(AnnouncementOrganisation.announcement_id) == announcement_id, col(Registration.member_id) == col(Member.id),
            col(Registration.status) == Status.APPROVED,
        )
    )
