"""What was judged about one source, for whoever shows that source."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.points import workflow_conditions
from app.points.models import PointsAward
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation


async def of_sources(
    session: AsyncSession, *, source_type: str, source_ids: Collection[UUID], rules: Collection[str], member_id: UUID | None = None
) -> dict[UUID, list[Any]]:
    """Source → (rule_code, credited, withheld, reason, cap) by these rules, oldest first: what was judged, what waits or was refused.

    Of one member, or of everybody who was judged about the source.
    """
    columns: list[Any] = [
        col(PointsAward.id), col(PointsAward.source_id), col(PointsAward.rule_code), col(PointsAward.credited), col(PointsAward.withheld),
        col(PointsAward.withheld_reason).label("reason"), col(PointsAward.withheld_cap).label("cap"),
    ]
    judged = sa.select(*columns).where(*_about(PointsAward, source_type, source_ids, rules, member_id))
    why = sa.case(
        (col(PointsConfirmation.status) == ConfirmationStatus.PENDING, workflow_conditions.SECOND_REVIEWER),
        else_=workflow_conditions.SECOND_REVIEWER_REFUSED,
    )
    same: list[Any] = [
        col(PointsConfirmation.id), col(PointsConfirmation.source_id), col(PointsConfirmation.rule_code), sa.literal(0),
        col(PointsConfirmation.points), why, sa.cast(sa.null(), sa.Integer),
    ]
    waiting = sa.select(*same).where(
        col(PointsConfirmation.status) != ConfirmationStatus.CONFIRMED,
        *_about(PointsConfirmation, source_type, source_ids, rules, member_id),
    )
    both = sa.union_all(judged, waiting).subquery()
    found = await session.exec(sa.select(both).order_by(both.c.id))
    rows: dict[UUID, list[Any]] = {}
    for row in found.all():
        rows.setdefault(row.source_id, []).append(row)
    return rows


def _about(
    table: type[PointsAward | PointsConfirmation], source_type: str, source_ids: Collection[UUID], rules: Collection[str],
    member_id: UUID | None,
) -> list[sa.ColumnElement[bool]]:
    about = [col(table.rule_code).in_(rules), col(table.source_type) == source_type, col(table.source_id).in_(source_ids)]
    return about if member_id is None else [*about, col(table.member_id) == member_id]
