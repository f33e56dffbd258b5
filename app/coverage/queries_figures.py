"""Figures of an area and the lists behind them. Each is one statement, whatever the day and the size of the area."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth.principal import Principal, within
from app.auth.roles import Role
from app.coverage import workflow
from app.coverage.models import Assignment, Topic, Visit
from app.coverage.queries import covering, on_day
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise
from app.errors import Forbidden
from app.organisations.models import Organisation

QUIET_SHOWN = 500


class Covered(StrEnum):
    """Which enterprises a list is for: those covered by an organisation, those that anybody works with, and all the others."""

    ORGANISATION = "organisation"
    WORK = "work"
    NONE = "none"


class Figures(NamedTuple):
    enterprises: int
    organisation: int
    work: int


async def access_area(session: AsyncSession, *, principal: Principal, area_id: UUID) -> Area:
    """Raises NotFound for an unknown area, Forbidden for who does not administer it."""
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise Forbidden
    return area


def _counted(area: Area, on: date) -> sa.ColumnElement[bool]:
    """The enterprises of an area and below it that were listed and not closed on a day."""
    closed = col(Enterprise.closed_on)
    return sa.and_(
        within(col(Enterprise.area_path), [area.path]), col(Enterprise.listed_on) <= on, sa.or_(closed.is_(None), closed > on)
    )


def _by_organisation(on: date) -> sa.ColumnElement[bool]:
    return col(Enterprise.id).in_(sa.select(covering(on).c.enterprise_id))


def _by_work(on: date) -> sa.ColumnElement[bool]:
    """Covered by an organisation (whose instructors work with it, if it has any), or somebody is assigned to the enterprise itself."""
    assigned = sa.select(col(Assignment.enterprise_id)).where(col(Assignment.enterprise_id).is_not(None), on_day(Assignment, on))
    return sa.or_(_by_organisation(on), col(Enterprise.id).in_(assigned))


async def figures(session: AsyncSession, *, area: Area, on: date) -> Figures:
    """How many enterprises there were on a day, and how many of them were covered."""
    count = sa.func.count()
    found = await session.exec(
        sa.select(count, count.filter(_by_organisation(on)), count.filter(_by_work(on))).where(_counted(area, on)).select_from(Enterprise)
    )
    return Figures(*found.one())


async def enterprises(
    session: AsyncSession, *, area: Area, on: date, covered: Covered | None, limit: int | None, after: UUID | None
) -> Sequence[Enterprise]:
    """The enterprises behind the figures, newest first, one more than `limit`, or all of them."""
    statement = sa.select(Enterprise).where(_counted(area, on))
    if covered is Covered.ORGANISATION:
        statement = statement.where(_by_organisation(on))
    elif covered is Covered.WORK:
        statement = statement.where(_by_work(on))
    elif covered is Covered.NONE:
        statement = statement.where(sa.not_(_by_work(on)))
    if after is not None:
        statement = statement.where(col(Enterprise.id) < after)
    statement = statement.order_by(col(Enterprise.id).desc())
    found = await session.exec(statement if limit is None else statement.limit(limit + 1))
    return found.scalars().all()


async def organisations_covering(
    session: AsyncSession, *, enterprise_ids: Sequence[UUID], on: date
) -> dict[UUID, list[dict[str, Any]]]:
    """By enterprise: the organisations that cover it on a day, its own first, then the oldest."""
    pairs = covering(on)
    own = sa.func.bool_or(pairs.c.own).label("own")
    found = await session.exec(
        sa.select(pairs.c.enterprise_id, col(Organisation.id), col(Organisation.name), own)
        .join(Organisation, col(Organisation.id) == pairs.c.organisation_id)
        .where(pairs.c.enterprise_id.in_(enterprise_ids))
        .group_by(pairs.c.enterprise_id, col(Organisation.id))
        .order_by(own.desc(), col(Organisation.id))
    )
    by_enterprise: dict[UUID, list[dict[str, Any]]] = {}
    for enterprise_id, organisation_id, name, is_own in found.all():
        by_enterprise.setdefault(enterprise_id, []).append({"id": organisation_id, "name": name, "own": is_own})
    return by_enterprise


def _visited(area: Area, first: date, last: date) -> sa.ColumnElement[bool]:
    """Visits of some days to organisations and enterprises of an area and below it."""
    organisations = sa.select(col(Organisation.id)).where(within(col(Organisation.area_path), [area.path]))
    firms = sa.select(col(Enterprise.id)).where(within(col(Enterprise.area_path), [area.path]))
    there = sa.or_(col(Visit.organisation_id).in_(organisations), col(Visit.enterprise_id).in_(firms))
    return sa.and_(col(Visit.visited_on).between(first, last), there)


async def visits(session: AsyncSession, *, area: Area, first: date, last: date) -> dict[str, Any]:
    """Sums of the visits of some days. A visit with several topics counts under each."""
    topics = [
        sa.func.count().filter(col(Visit.topics).contains([topic.value])).label(topic.value) for topic in Topic
    ]
    found = await session.exec(
        sa.select(
            sa.func.count().label("visits"), sa.func.count(sa.distinct(col(Visit.organisation_id))).label("organisations_visited"),
            sa.func.count(sa.distinct(col(Visit.enterprise_id))).label("enterprises_visited"), *topics,
        ).where(_visited(area, first, last)).select_from(Visit)
    )
    row = dict(found.mappings().one())
    counted = [{"topic": topic, "visits": row.pop(topic.value)} for topic in Topic]
    return {**row, "by_topic": [topic for topic in counted if topic["visits"]]}


async def quiet(session: AsyncSession, *, area: Area, on: date) -> dict[str, Any]:
    """The enterprises of a day that nobody had visited in the 90 days up to it, the longest without a visit first."""
    newest = (
        sa.select(col(Visit.enterprise_id).label("enterprise_id"), sa.func.max(col(Visit.visited_on)).label("last_visit_on"))
        .where(col(Visit.enterprise_id).is_not(None), col(Visit.visited_on) <= on)
        .group_by(col(Visit.enterprise_id))
        .subquery()
    )
    last = newest.c.last_visit_on
    found = await session.exec(
        sa.select(col(Enterprise.id), col(Enterprise.name), last, sa.func.count().over())
        .outerjoin(newest, newest.c.enterprise_id == col(Enterprise.id))
        .where(_counted(area, on), sa.or_(last.is_(None), last <= on - workflow.QUIET))
        .order_by(last.asc().nulls_first(), col(Enterprise.id))
        .limit(QUIET_SHOWN)
    )
    rows = found.all()
    shown = [{"id": one, "name": name, "last_visit_on": seen} for one, name, seen, _ in rows]
    return {"quiet_count": rows[0][3] if rows else 0, "quiet": shown}
