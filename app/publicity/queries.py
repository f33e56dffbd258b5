"""Every SELECT of quarterly lists and of objections to them (shortlists: `queries_shortlists`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.models import Account
from app.auth.principal import AccountKind, AccountStatus, Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members import collating
from app.members import queries as members_queries
from app.members.models import Member, Purpose
from app.points.models import Kind, PointsText, PointsTransaction
from app.publicity import workflow
from app.publicity.models import ObjectionStatus, PublicityLine, PublicityList, PublicityObjection, Shortlist, ShortlistCandidate
from app.publicity.workflow import Quarter
from app.workdays import queries as workdays_queries

LONGEST_WAIT = timedelta(days=60)  # five working days are in it, whatever the holidays


@dataclass(frozen=True, slots=True)
class Shown:
    """A person on a list, by the real name; None for who gave none."""

    member_id: UUID
    name: str | None
    row: Any


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    instant: datetime = (await session.exec(sa.select(sa.func.clock_timestamp()))).scalar_one()
    return instant


async def tenant_of(session: AsyncSession, *, principal: Principal) -> Area:
    """Where the caller works; for a console account the tenant of its grant. Raises NotFound while there are no areas."""
    granted = sorted(principal.area_paths(*Role)) if principal.kind is AccountKind.CONSOLE else []
    area = None if granted else await members_queries.area_of(session, member_id=principal.account_id)
    path = granted[0] if granted else area[1] if area else ""
    return await areas_queries.root_of(session, path=path)


async def last_day_to_object(session: AsyncSession, *, published_on: date) -> date:
    days = await workdays_queries.days(session, first=published_on + timedelta(days=1), last=published_on + LONGEST_WAIT)
    return workflow.last_day([one.day for one in days if one.workday])


async def found(session: AsyncSession, *, area_id: UUID, quarter: Quarter) -> PublicityList | None:
    rows = await session.exec(
        sa.select(PublicityList).where(
            col(PublicityList.area_id) == area_id, col(PublicityList.year) == quarter.year, col(PublicityList.quarter) == quarter.quarter
        )
    )
    published: PublicityList | None = rows.scalars().first()
    return published


async def governed(session: AsyncSession, *, principal: Principal, quarter: Quarter) -> PublicityList:
    """The list of a quarter that the caller answers for. Raises NotFound for who administers no whole tenant, or before it is published."""
    rows = await session.exec(
        sa.select(PublicityList)
        .where(
            within(col(PublicityList.area_path), workflow.governed(principal)), col(PublicityList.year) == quarter.year,
            col(PublicityList.quarter) == quarter.quarter,
        )
        .order_by(col(PublicityList.id))
        .limit(1)
    )
    published: PublicityList | None = rows.scalars().first()
    if published is None:
        raise NotFound("该季度尚未公示")
    return published


async def closed(session: AsyncSession, published: PublicityList) -> bool:
    """Is the last day for objections over, by the database's clock?"""
    return clock.local_day(await now(session)) > published.objections_until


async def unpublished(session: AsyncSession, *, at: datetime) -> list[tuple[Area, Quarter]]:
    """What the job has to publish."""
    tenants = await areas_queries.tenants(session)
    rows = await session.exec(sa.select(col(PublicityList.area_id), col(PublicityList.year), col(PublicityList.quarter)))
    there = {(row[0], row[1], row[2]) for row in rows.all()}
    return [
        (area, quarter)
        for area in tenants for quarter in workflow.due(at, since=clock.local_day(area.created_at))
        if (area.id, quarter.year, quarter.quarter) not in there
    ]


async def astray(session: AsyncSession) -> Sequence[UUID]:
    """Objections that an earlier release took in without a list."""
    rows = await session.exec(sa.select(col(PublicityObjection.id)).where(col(PublicityObjection.list_id).is_(None)))
    return rows.scalars().all()


def agreeing() -> tuple[sa.ColumnElement[bool], ...]:
    """Who may be named, of `Account` joined with `Member`."""
    return (
        col(Account.consented).contains([Purpose.PUBLICITY.value]), col(Account.status) != AccountStatus.ERASED,
        col(Member.erased_at).is_(None),
    )


def working_in(path: str, *, oldest: bool) -> sa.ColumnElement[bool]:
    """Members of an area; who has no work area counts in the oldest tenant."""
    inside = within(col(Member.area_path), [path])
    return sa.or_(inside, col(Member.area_path).is_(None)) if oldest else inside


def earners(*, quarter: Quarter, area_path: str, oldest: bool) -> sa.Select[UUID, int, int]:
    """(member, points, events) of who agrees to be listed and earned more in the quarter than was clawed back in it."""
    claw_back = sa.and_(col(PointsTransaction.kind) == Kind.REVERSE, col(PointsTransaction.amount) < 0)
    earned = col(PointsTransaction.kind) == Kind.EARN
    points, events = sa.func.sum(PointsTransaction.amount), sa.func.count().filter(earned)
    return (
        sa.select(col(PointsTransaction.member_id), points, events)
        .join(Account, col(Account.id) == col(PointsTransaction.member_id))
        .join(Member, col(Member.id) == col(Account.id))
        .where(
            col(PointsTransaction.created_at) >= clock.day_start(quarter.first),
            col(PointsTransaction.created_at) < clock.day_start(quarter.after), sa.or_(earned, claw_back), *agreeing(),
            working_in(area_path, oldest=oldest),
        )
        .group_by(col(PointsTransaction.member_id))
        .having(points > 0)
    )


async def lines(session: AsyncSession, *, list_id: UUID, struck: bool = False) -> list[Shown]:
    """Whom the list names now, in the order of their full names; `struck`: those too whom an objection has taken off."""
    columns = (
        sa.column("member_id", sa.Uuid), sa.column("points", sa.Integer), sa.column("events", sa.Integer),
        sa.column("struck_at", sa.DateTime(timezone=True)),
    )
    published = sa.func.publicity_lines(list_id).table_valued(*columns).render_derived()
    statement = sa.select(*published.c)
    rows = await session.exec(statement if struck else statement.where(published.c.struck_at.is_(None)))
    return await in_order(session, rows.all())


async def in_order(session: AsyncSession, rows: Sequence[Any]) -> list[Shown]:
    """Those of these rows who agree to be named, as people, alphabetically."""
    names = await members_queries.agreeing(session, [row.member_id for row in rows], purpose=Purpose.PUBLICITY)
    people = [Shown(row.member_id, names[row.member_id], row) for row in rows if row.member_id in names]
    return sorted(people, key=lambda one: collating.key(one.name, one.member_id))


async def line(session: AsyncSession, *, list_id: UUID, member_id: UUID) -> PublicityLine | None:
    """A line that is still on the list, locked."""
    rows = await session.exec(
        sa.select(PublicityLine)
        .where(col(PublicityLine.list_id) == list_id, col(PublicityLine.member_id) == member_id, col(PublicityLine.struck_at).is_(None))
        .with_for_update()
    )
    held: PublicityLine | None = rows.scalars().first()
    return held


def _told() -> sa.Select[PublicityObjection, str | None, str | None]:
    """(objection, what was said, what was answered)."""
    said, answered = aliased(PointsText), aliased(PointsText)
    return (
        sa.select(PublicityObjection, col(said.text), col(answered.text))
        .join(said, col(said.id) == col(PublicityObjection.text_id))
        .outerjoin(answered, col(answered.id) == col(PublicityObjection.answer_id))
    )


async def objections(
    session: AsyncSession, *, list_id: UUID, status: ObjectionStatus | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """(objection, what was said, what was answered), newest first, one more than `limit`."""
    statement = _told().where(col(PublicityObjection.list_id) == list_id)
    if status is not None:
        statement = statement.where(col(PublicityObjection.status) == status)
    if after is not None:
        statement = statement.where(col(PublicityObjection.id) < after)
    rows = await session.exec(statement.order_by(col(PublicityObjection.id).desc()).limit(limit + 1))
    return rows.all()


async def objection(session: AsyncSession, *, objection_id: UUID) -> Any:
    """(objection, what was said, what was answered)."""
    return (await session.exec(_told().where(col(PublicityObjection.id) == objection_id))).one()


async def access_objection(session: AsyncSession, *, list_id: UUID, objection_id: UUID) -> PublicityObjection:
    """Locks an objection to a list that the caller answers for. Raises NotFound."""
    rows = await session.exec(
        sa.select(PublicityObjection)
        .where(col(PublicityObjection.id) == objection_id, col(PublicityObjection.list_id) == list_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    held: PublicityObjection | None = rows.scalars().first()
    if held is None:
        raise NotFound
    return held


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """Where a person stands on lists, and what they said against one, for the copy of one's data."""
    listed = await session.exec(
        sa.select(PublicityLine, PublicityList)
        .join(PublicityList, col(PublicityList.id) == col(PublicityLine.list_id))
        .where(col(PublicityLine.member_id) == member_id)
        .order_by(col(PublicityList.id))
    )
    candidate = await session.exec(
        sa.select(ShortlistCandidate, Shortlist)
        .join(Shortlist, col(Shortlist.id) == col(ShortlistCandidate.shortlist_id))
        .where(col(ShortlistCandidate.member_id) == member_id)
        .order_by(col(Shortlist.id))
    )
    said = await session.exec(_told().where(col(PublicityObjection.member_id) == member_id).order_by(col(PublicityObjection.id)))
    return {
        "lists": [
            {
                "year": on.year, "quarter": on.quarter, "points": row.points, "events": row.events,
                "published_at": on.published_at.isoformat(), "struck_at": row.struck_at.isoformat() if row.struck_at else None,
            }
            for row, on in listed.all()
        ],
        "shortlists": [
            {"title": on.title, "year": on.year, "chosen": row.chosen, "at": on.created_at.isoformat()} for row, on in candidate.all()
        ],
        "objections": [
            {
                "year": row.year, "quarter": row.quarter, "status": row.status.value, "reason": reason, "answer": answer,
                "at": row.created_at.isoformat(),
            }
            for row, reason, answer in said.all()
        ],
    }
