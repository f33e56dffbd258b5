"""What an award is judged by, in one statement: the rule, what it gave before, what the caps leave, what stands in its way."""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, NamedTuple, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.prepared import Prepared, Row
from app.db.session import AsyncSession
from app.points import queries_conditions, validity, workflow_conditions
from app.points.models import PointsAward, PointsRule
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation
from app.points.models_rules import CapCode, PointsCap
from app.points.workflow import Ceiling, Usage
from app.points.workflow_rules import lineage


class Rule(NamedTuple):
    """One version of a rule, as far as awards go by it."""

    code: str
    version: int
    title: str
    points: int
    points_max: int | None
    per_day: int | None
    per_week: int | None
    per_month: int | None
    per_year: int | None
    conditions: dict[str, Any]


class Periods(NamedTuple):
    """The periods of a day, as dates or as what a statement binds; each ends before its second date. `since` to `until`: all of them."""

    day: Any
    week: Any
    week_end: Any
    month: Any
    month_end: Any
    year: Any
    year_end: Any
    since: Any
    until: Any

    @classmethod
    def of(cls, day: date) -> Self:
        week, year, year_end = day - timedelta(days=day.weekday()), day.replace(month=1, day=1), date(day.year + 1, 1, 1)
        week_end = week + timedelta(days=7)
        return cls(
            day, week, week_end, clock.month_start(day), clock.next_month(day), year, year_end, min(year, week), max(year_end, week_end)
        )


class Known(NamedTuple):
    """What was judged about the source before."""

    credited: int
    withheld: int
    withheld_reason: str | None
    withheld_cap: int | None
    transaction_id: UUID | None


@dataclass(frozen=True, slots=True)
class Grounds:
    """`rule`: the newest version of the nearest area that has one on the day of filing, else the platform's; None when none holds.

    `confirmation`: what became of a wait for this source. `usage`: what the member has in the periods of that day; `ceiling`: what may be
    had over all rules where the award is earned. `in_week`: awards of the rule that were credited, or wait for a second reviewer, in the
    week of that day; counted where the rule asks for it.
    """

    rule: Rule | None
    known: Known | None
    erased: bool
    stopped: bool
    confirmation: ConfirmationStatus | None
    usage: Usage
    ceiling: Ceiling
    in_week: int


async def grounds(
    session: AsyncSession, *, member_id: UUID, rule: str, source_type: str, source_id: UUID, day: date, area_path: str
) -> Grounds:
    """Asked under the caller's lock on the balance row, so that awards at once cannot both see the same room; whoever erases or stops the
    member has it first, or waits."""
    row = await GROUNDS.first(
        session, member_id=member_id, rule=rule, source_type=source_type, source_id=source_id, lineage=lineage(area_path),
        **Periods.of(day)._asdict(),
    )
    assert row is not None
    return Grounds(
        _read(Rule, row, "rule") if row["rule_code"] is not None else None,
        _read(Known, row, "known") if row["known_credited"] is not None else None,
        row["erased"], row["stopped"], row["confirmation"],
        Usage(*(row[name] for name in HAD)), Ceiling(row["cap_day"], row["cap_month"], row["cap_year"]),
        row["in_week"],
    )


def _read(kind: Any, row: Row, prefix: str) -> Any:
    return kind._make(row[f"{prefix}_{name}"] for name in kind._fields)


def had(member_id: Any, rule: Any, periods: Periods) -> sa.Select[Any]:
    """The units of a rule and the points of all, in the columns of `Usage`."""
    on, mine, credited = col(PointsAward.filed_on), col(PointsAward.rule_code) == rule, col(PointsAward.credited)
    today, in_week = on == periods.day, sa.and_(on >= periods.week, on < periods.week_end)
    in_month, in_year = sa.and_(on >= periods.month, on < periods.month_end), sa.and_(on >= periods.year, on < periods.year_end)

    def total(column: Any, *where: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(column).filter(*where), 0)

    units = col(PointsAward.units_credited)
    asked = [total(units, mine, period) for period in (today, in_week, in_month, in_year)]
    asked += [total(credited, period) for period in (today, in_month, in_year)]
    columns: list[Any] = [column.label(f"had_{number}") for number, column in enumerate(asked)]
    return sa.select(*columns).where(col(PointsAward.member_id) == member_id, credited > 0, on >= periods.since, on < periods.until)


def _grounds() -> Prepared:
    member_id, code = sa.bindparam("member_id", type_=sa.Uuid), sa.bindparam("rule", type_=sa.Text)
    periods = Periods(*(sa.bindparam(name, type_=sa.Date) for name in Periods._fields))
    source = {"source_type": sa.bindparam("source_type", type_=sa.Text), "source_id": sa.bindparam("source_id", type_=sa.Uuid)}
    used, rule, cap = had(member_id, code, periods).subquery("used"), _in_force(code, periods.day), _cap(periods.day)

    def about(table: type[PointsAward | PointsConfirmation]) -> list[sa.ColumnElement[bool]]:
        same = {"rule_code": code, "member_id": member_id, **source}
        return [col(getattr(table, name)) == value for name, value in same.items()]

    waited = sa.select(col(PointsConfirmation.status)).where(*about(PointsConfirmation)).scalar_subquery()
    asks = rule.c.conditions.has_key(workflow_conditions.ABOVE_PER_WEEK)
    return Prepared(
        sa.select(
            *used.c, *(rule.c[name].label(f"rule_{name}") for name in Rule._fields),
            *(col(getattr(PointsAward, name)).label(f"known_{name}") for name in Known._fields),
            *(cap.c[f"per_{period}"].label(f"cap_{period}") for period in ("day", "month", "year")),
            sa.exists().where(col(Account.id) == member_id, col(Account.status) == AccountStatus.ERASED).label("erased"),
            queries_conditions.stopped(member_id).label("stopped"), waited.label("confirmation"),
            sa.case((asks, _in_week(member_id, code, periods)), else_=0).label("in_week"),
        ).select_from(
            used.outerjoin(rule, sa.true()).outerjoin(cap, sa.true()).outerjoin(PointsAward, sa.and_(*about(PointsAward)))
        )
    )


def _in_force(code: Any, day: Any) -> sa.Subquery:
    paths = sa.bindparam("lineage", type_=ARRAY(sa.Text))
    return (
        sa.select(*(col(getattr(PointsRule, name)) for name in Rule._fields))
        .where(col(PointsRule.code) == code, validity.among(PointsRule, paths), validity.valid(PointsRule, day))
        .order_by(*validity.nearest_first(PointsRule))
        .limit(1)
        .subquery("rule")
    )


def _cap(day: Any) -> sa.Subquery:
    """Day, month and year of the GLOBAL cap in force, null without limit."""
    paths = sa.bindparam("lineage", type_=ARRAY(sa.Text))
    return (
        sa.select(col(PointsCap.per_day), col(PointsCap.per_month), col(PointsCap.per_year))
        .where(col(PointsCap.code) == CapCode.GLOBAL, validity.among(PointsCap, paths), validity.valid(PointsCap, day))
        .order_by(*validity.nearest_first(PointsCap))
        .limit(1)
        .subquery("cap")
    )


def _in_week(member_id: Any, code: Any, periods: Periods) -> sa.ColumnElement[int]:
    def counted(table: type[PointsAward | PointsConfirmation], holds: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        on = col(table.filed_on)
        return sa.select(sa.func.count(col(table.id))).where(
            col(table.member_id) == member_id, col(table.rule_code) == code, on >= periods.week, on < periods.week_end, holds
        ).correlate(None).scalar_subquery()

    waiting = col(PointsConfirmation.status) == ConfirmationStatus.PENDING
    return counted(PointsAward, col(PointsAward.credited) > 0) + counted(PointsConfirmation, waiting)


HAD = [f"had_{number}" for number, _ in enumerate(fields(Usage))]
GROUNDS = _grounds()  # put together once: every award asks it
GIVEN = Prepared(
    sa.select(sa.literal(1).label("found")).where(
        col(PointsAward.member_id) == sa.bindparam("member_id", type_=sa.Uuid),
        col(PointsAward.rule_code) == sa.bindparam("rule", type_=sa.Text),
        col(PointsAward.once_key) == sa.bindparam("once_key", type_=sa.Text),
    )
)
VERSION = Prepared(
    sa.select(*(col(getattr(PointsRule, name)) for name in Rule._fields)).where(
        col(PointsRule.code) == sa.bindparam("code", type_=sa.Text), col(PointsRule.version) == sa.bindparam("version", type_=sa.Integer)
    )
)


async def given_before(session: AsyncSession, *, member_id: UUID, rule: str, once_key: str) -> bool:
    """Was the member credited by the rule for this already? The balance row is locked; a unique index stands behind it."""
    return await GIVEN.first(session, member_id=member_id, rule=rule, once_key=once_key) is not None


async def version_of(session: AsyncSession, *, code: str, version: int) -> Rule:
    """The rule as it was when something was judged by it."""
    [row] = await VERSION.all(session, code=code, version=version)
    return Rule(**row)
