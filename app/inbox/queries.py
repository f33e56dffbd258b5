"""The inbox of officials: reports of the caller's areas by what they are looked for, and how many of each there are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.principal import Principal, beyond, within, within_bounds
from app.auth.roles import Role
from app.categories import queries as categories_queries
from app.categories.models import Severity
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.reports import workflow
from app.reports.models import Report, ReportClaim, ReportRequest
from app.reports.queries import CLOCK, look_pending
from app.reports.queries_claims import LIVE, claimed
from app.reports.queries_lines import LINES, MOST, Line, lines, told
from app.reports.words import RequestStatus, Status
from app.units import workflow as units_workflow

NOW_OPEN = col(Report.ended_at).is_(None)
STANDING = (Status.SUSPENDED, Status.AWAITING_FEEDBACK)
RUNS_LATE = sa.and_(col(Report.due_at) < CLOCK, *(col(Report.status) != one for one in STANDING))  # of an open one
LATE = sa.and_(RUNS_LATE, NOW_OPEN)
OF_STATUSES = sa.type_coerce(col(Report.status), sa.Text) == sa.func.any(sa.bindparam("statuses", type_=ARRAY(sa.Text)))
NOBODY = UUID(int=0)
UNASSIGNED = (Status.ACCEPTED, Status.REOPENED)  # they wait for somebody's name


class Order(StrEnum):
    NEWEST = "newest"
    DUE = "due"


class Whose(StrEnum):
    ME = "me"
    NONE = "none"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an inbox is looked through for. None, or nothing in it: whatever it is."""

    statuses: Collection[Status] = ()
    overdue: bool | None = None
    assignee: UUID | None = None
    assignee_gone: bool | None = None
    category_code: str | None = None
    area_id: UUID | None = None
    severity: Severity | None = None
    unit_id: UUID | None = None
    claimed: Whose | None = None
    escalated: bool | None = None
    second_look: bool = False
    first: date | None = None
    last: date | None = None
    order: Order = Order.NEWEST


@dataclass(frozen=True, slots=True)
class Count:
    """The open reports of one state in one of the areas below the caller's; `area_code` is that area's, or the caller's own."""

    status: Status
    area_code: str
    open: int
    overdue: int
    mine: int
    claimed_by_me: int
    emergencies: int
    requests: int
    assignee_gone: int


async def inbox(session: AsyncSession, *, principal: Principal, asked: Asked, limit: int, after: UUID | None) -> list[Line]:
    """Reports of the caller's areas, one more than `limit`; open ones when no state is asked for.

    Raises Forbidden for who is no official, NotFound for an unknown area.
    """
    bound = await values(session, principal, asked)
    statement = _inbox(_like(asked), len(principal.area_paths(*workflow.STAFF)), after is not None)
    return lines(await statement.all(session, **bound, caller=principal.account_id, after=after, most=limit + 1))


@lru_cache(maxsize=128)
def _inbox(asked: Asked, areas: int, further: bool) -> Prepared:
    statement = LINES.where(_areas(areas), *_facts(asked), *_state(asked), *_flags(asked))
    after = sa.bindparam("after", type_=sa.Uuid)
    if asked.order is Order.DUE:
        statement = statement.where(col(Report.due_at).is_not(None)).order_by(col(Report.due_at), col(Report.id))
        if further:
            statement = statement.where(sa.tuple_(col(Report.due_at), col(Report.id)) > sa.tuple_(_due_of(after), after))
    else:
        statement = statement.order_by(col(Report.id).desc())
        if further:
            statement = statement.where(col(Report.id) < after)
    return Prepared(told(statement.limit(MOST)))


def _like(asked: Asked) -> Asked:
    """The same for all that are put into one statement: a value that is bound only says that there is one."""
    bound: dict[str, Any] = {
        "assignee": NOBODY, "area_id": NOBODY, "unit_id": NOBODY, "category_code": "", "first": date.min, "last": date.min,
        "severity": Severity.NORMAL,
    }
    said: dict[str, Any] = {name: value for name, value in bound.items() if getattr(asked, name) is not None}
    ended = bool(asked.statuses) and not workflow.OPEN.issuperset(asked.statuses)
    return replace(asked, **said, statuses=(Status.CLOSED if ended else Status.SUBMITTED,) if asked.statuses else ())


def _due_of(report_id: Any) -> sa.ColumnElement[datetime]:
    """The limit of the last one of a page. Ended meanwhile, it has none: then the list begins anew, which shows nothing less."""
    found = sa.select(col(Report.due_at)).where(col(Report.id) == report_id).correlate(None).scalar_subquery()
    return sa.func.coalesce(found, sa.literal_column("timestamptz '-infinity'", sa.DateTime(timezone=True)))


def reach(principal: Principal, asked: Asked) -> list[sa.ColumnElement[bool]]:
    """Reports of the caller's areas by what they are, in whatever state: a condition with the names of `values` in it."""
    return [_scope(principal), *_facts(asked)]


async def values(session: AsyncSession, principal: Principal, asked: Asked) -> dict[str, Any]:
    """Raises Forbidden for who is no official, NotFound for an unknown area."""
    if not principal.has(*workflow.STAFF):
        raise Forbidden
    found: dict[str, Any] = {
        "statuses": list(asked.statuses), "assignee": asked.assignee, "severity": asked.severity, "unit": asked.unit_id,
    }
    for number, path in enumerate(principal.area_paths(*workflow.STAFF)):
        found |= _tree(f"area_{number}", path)
    if asked.area_id is not None:
        found |= _tree("area", (await areas_queries.get(session, asked.area_id)).path)
    if asked.category_code is not None:
        found["codes"] = units_workflow.below(await categories_queries.parents(session), asked.category_code)
    if asked.first is not None:
        found["since"] = clock.day_start(asked.first)
    if asked.last is not None:
        found["until"] = clock.day_start(asked.last + timedelta(days=1))
    return found


def _tree(name: str, path: str) -> dict[str, str]:
    return {name: path, f"{name}_beyond": beyond(path)}


def _in_tree(name: str) -> sa.ColumnElement[bool]:
    bounds = (sa.bindparam(bound, type_=sa.String) for bound in (name, f"{name}_beyond"))
    return within_bounds(Report.area_path, *bounds)


def _areas(count: int) -> sa.ColumnElement[bool]:
    """The caller's, by the names of their bounds."""
    return sa.or_(sa.false(), *(_in_tree(f"area_{number}") for number in range(count)))


def _facts(asked: Asked) -> list[sa.ColumnElement[bool]]:
    """A group of categories holds its leaves, an area what lies in it."""
    conditions = {
        "assignee": col(Report.assignee_id) == sa.bindparam("assignee"),
        "severity": col(Report.severity) == sa.bindparam("severity"),
        "unit_id": col(Report.unit_id) == sa.bindparam("unit"),
        "first": col(Report.created_at) >= sa.bindparam("since"), "last": col(Report.created_at) < sa.bindparam("until"),
        "area_id": _in_tree("area"),
        "category_code": col(Report.category_code) == sa.func.any(sa.bindparam("codes", type_=ARRAY(sa.Text))),
    }
    return [condition for name, condition in conditions.items() if getattr(asked, name) is not None]


def _scope(principal: Principal) -> sa.ColumnElement[bool]:
    """Raises Forbidden."""
    if not principal.has(*workflow.STAFF):
        raise Forbidden
    return within(Report.area_path, principal.area_paths(*workflow.STAFF))


def _state(asked: Asked) -> list[sa.ColumnElement[bool]]:
    """Where only open states are asked for it is said in the words of the partial indexes too."""
    states: list[sa.ColumnElement[bool]] = [OF_STATUSES] if asked.statuses else []
    return [*states, NOW_OPEN] if workflow.OPEN.issuperset(asked.statuses) else states


def _flags(asked: Asked) -> list[sa.ColumnElement[bool]]:
    gone = _gone(col(Report.status), col(Report.assignee_id), col(Report.area_path))
    flags = {
        "overdue": (LATE, sa.func.coalesce(LATE, False).is_(False)),
        "assignee_gone": (gone, ~gone),
        "escalated": (col(Report.escalated_to).is_not(None), col(Report.escalated_to).is_(None)),
    }
    asked_for = {"overdue": asked.overdue, "assignee_gone": asked.assignee_gone, "escalated": asked.escalated}
    found = [flags[name][0 if value else 1] for name, value in asked_for.items() if value is not None]
    if asked.second_look:
        found.append(look_pending())
    if asked.claimed is not None:
        found.append(claimed(asked.claimed))
    return found


def _gone(status: Any, assignee_id: Any, area_path: Any) -> sa.ColumnElement[bool]:
    """Somebody has it in hand who may not work on it any more: without the grant, suspended, or erased."""
    handled = sa.or_(*(status == one for one in sorted(workflow.HANDLING)))
    return sa.and_(handled, ~auth_queries.holds(assignee_id, area_path, Role.GRID_WORKER))


async def lately_left(session: AsyncSession, *, within_last: timedelta) -> Sequence[UUID]:
    """Reports whose assignee may not work on them any more, and could until not long ago."""
    gone = _gone(col(Report.status), col(Report.assignee_id), col(Report.area_path))
    lately = auth_queries.lately_ended(col(Report.assignee_id), Role.GRID_WORKER, within_last)
    found = await session.exec(sa.select(col(Report.id)).where(NOW_OPEN, gone, lately).order_by(col(Report.id)))
    return found.scalars().all()


async def counts(session: AsyncSession, *, principal: Principal, area: Area | None) -> list[Count]:
    """The open reports of the area, of all the caller's areas without one, in one statement. Raises Forbidden for who is no official.

    They are heaped by assignee and place first: whether somebody is gone is asked once for each pair, not for each report. The service
    counts: row security would look at each report, and not at the index alone.
    """
    own = principal.area_paths(*workflow.STAFF)
    scope = _scope(principal) if area is None else sa.and_(_scope(principal), within(Report.area_path, [area.path]))
    heap = _heaps(principal.account_id, scope)
    code = _code_below(heap.c.area_path, own if area is None else [area.path])
    gone = _gone(heap.c.status, heap.c.assignee_id, heap.c.area_path)
    sums = {
        "open": heap.c.open, "overdue": heap.c.overdue, "mine": _only(heap.c.open, heap.c.assignee_id == principal.account_id),
        "claimed_by_me": heap.c.claimed_by_me, "emergencies": heap.c.emergencies, "requests": heap.c.requests,
        "assignee_gone": _only(heap.c.open, gone),
    }
    summed = (sa.cast(sa.func.sum(one), sa.Integer).label(name) for name, one in sums.items())
    await acting.as_service(session, Reason.FIGURES)
    found = await session.exec(sa.select(heap.c.status, code.label("area_code"), *summed).group_by(sa.text("1, 2")))
    return [Count(**row._mapping) for row in found.all()]


def _only(count: sa.ColumnElement[int], where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.case((where, count), else_=0)


def _heaps(me: UUID, scope: sa.ColumnElement[bool]) -> sa.Subquery:
    """Open reports by state, place and assignee: nothing is read but what `ix_report_open_desk` holds."""
    keys = col(Report.status), col(Report.area_path), col(Report.assignee_id)
    flags = {
        "overdue": RUNS_LATE, "claimed_by_me": col(ReportClaim.account_id) == me, "emergencies": col(Report.severity) == Severity.EMERGENCY,
        "requests": col(ReportRequest.id).is_not(None),
    }
    asked = sa.and_(col(ReportRequest.report_id) == col(Report.id), col(ReportRequest.status) == RequestStatus.OPEN)
    return (
        sa.select(*keys, sa.func.count().label("open"), *(sa.func.count().filter(flag).label(name) for name, flag in flags.items()))
        .outerjoin(ReportClaim, sa.and_(col(ReportClaim.report_id) == col(Report.id), LIVE))
        .outerjoin(ReportRequest, asked)
        .where(NOW_OPEN, scope)
        .group_by(*keys)
        .subquery("heap")
    )


def _code_below(area_path: sa.ColumnElement[str], paths: Collection[str]) -> sa.ColumnElement[str]:
    """The code of the area right below the one of these that holds a report; that one's own code where the report lies in no lower one."""

    def code(path: str) -> sa.ColumnElement[str]:
        below = sa.func.split_part(area_path, "/", path.count("/") + 1)
        return sa.func.coalesce(sa.func.nullif(below, ""), path.split("/")[-2])

    widest_first = sorted(paths, key=len)
    return sa.case(*((within(area_path, [path]), code(path)) for path in widest_first), else_="")


async def areas_by_code(session: AsyncSession, codes: Collection[str]) -> dict[str, Area]:
    found = await session.exec(sa.select(Area).where(col(Area.code).in_(codes)))
    return {area.code: area for area in found.scalars().all()}
