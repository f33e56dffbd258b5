"""What was judged about one source, for whoever shows that source."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlmodel import col

from app.db.session import AsyncSession
from app.points import workflow_conditions
from app.points.models import PointsAward
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation

Predicate = Callable[[Any], sa.ColumnElement[bool]]


class Judged(NamedTuple):
    """What was judged about a source by a rule, or waits, or was refused."""

    rule_code: str
    credited: int
    withheld: int
    reason: str | None
    cap: int | None


def of_source(source_type: str, source_id: Any, *, rules: Any, member_id: Any) -> sa.ScalarSelect[Any]:
    """The same about what stands in a column, as part of another statement: a value for `read`, null where nothing is known.

    `rules`: an array, `member_id`: whose awards; both may come out of the statement too.
    """
    both = _both(source_type, lambda column: column == source_id, lambda column: column == sa.any_(rules), member_id)
    told = sa.func.jsonb_build_array(*(both.c[name] for name in Judged._fields))
    return sa.select(sa.func.jsonb_agg(aggregate_order_by(told, both.c.id), type_=JSONB)).scalar_subquery()


def read(found: Sequence[Sequence[Any]] | None) -> list[Judged]:
    """What `of_source` gave."""
    return [Judged(*row) for row in found or ()]


async def of_sources(
    session: AsyncSession, *, source_type: str, source_ids: Collection[UUID], rules: Collection[str], member_id: UUID | None = None
) -> dict[UUID, list[Any]]:
    """Source → (rule_code, credited, withheld, reason, cap) by these rules, oldest first: what was judged, what waits or was refused.

    Of one member, or of everybody who was judged about the source.
    """
    both = _both(source_type, lambda column: column.in_(source_ids), lambda column: column.in_(rules), member_id)
    found = await session.exec(sa.select(both).order_by(both.c.id))
    rows: dict[UUID, list[Any]] = {}
    for row in found.all():
        rows.setdefault(row.source_id, []).append(row)
    return rows


def _both(source_type: str, of_source: Predicate, by_rules: Predicate, member_id: Any) -> sa.Subquery:
    """Of one member, or of everybody who was judged about the source (None)."""
    def about(table: type[PointsAward | PointsConfirmation]) -> list[sa.ColumnElement[bool]]:
        asked = [by_rules(col(table.rule_code)), col(table.source_type) == source_type, of_source(col(table.source_id))]
        return asked if member_id is None else [*asked, col(table.member_id) == member_id]

    columns: list[Any] = [
        col(PointsAward.id), col(PointsAward.source_id), col(PointsAward.rule_code), col(PointsAward.credited), col(PointsAward.withheld),
        col(PointsAward.withheld_reason).label("reason"), col(PointsAward.withheld_cap).label("cap"),
    ]
    why = sa.case(
        (col(PointsConfirmation.status) == ConfirmationStatus.PENDING, workflow_conditions.SECOND_REVIEWER),
        else_=workflow_conditions.SECOND_REVIEWER_REFUSED,
    )
    same: list[Any] = [
        col(PointsConfirmation.id), col(PointsConfirmation.source_id), col(PointsConfirmation.rule_code), sa.literal(0),
        col(PointsConfirmation.points), why, sa.cast(sa.null(), sa.Integer),
    ]
    judged = sa.select(*columns).where(*about(PointsAward)).correlate_except(PointsAward)
    waits = col(PointsConfirmation.status) != ConfirmationStatus.CONFIRMED
    waiting = sa.select(*same).where(waits, *about(PointsConfirmation)).correlate_except(PointsConfirmation)
    return sa.union_all(judged, waiting).subquery()
