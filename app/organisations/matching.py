"""Which organisation fits a person who registers without having scanned one's code."""

from collections.abc import Collection
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import within
from app.db.session import AsyncSession
from app.organisations import workflow
from app.organisations.models import Organisation

Reason = Literal["enterprise", "area"]


async def nearest(
    session: AsyncSession, *, area_path: str, enterprise_ids: Collection[UUID]
) -> tuple[Organisation | None, Reason | None]:
    """The organisation that fits a person best, and why: one of an employer's in the same tenant, else the deepest on the area's path.

    Of several the deepest on the path, then branches before committees, then the oldest. An enterprise's own organisation takes in its
    own people only. (None, None) when nothing fits: the tenant's root committee is no fit, `service.ensure_root_committee` gives it.
    Raises NotFound for the path of a province.
    """
    tenant = await areas_queries.root_of(session, path=area_path)
    levels = workflow.levels(area_path)
    near = sa.and_(col(Organisation.area_path).in_(levels), col(Organisation.enterprise_id).is_(None))
    employer = sa.and_(col(Organisation.enterprise_id).in_(set(enterprise_ids)), within(col(Organisation.area_path), [tenant.path]))
    found = await session.exec(
        sa.select(Organisation, employer)
        .where(
            sa.or_(near, employer), col(Organisation.kind).in_(workflow.TAKES_IN), col(Organisation.root_committee).is_(False),
        )
        .order_by(
            sa.func.coalesce(employer, False).desc(), col(Organisation.area_path).in_(levels).desc(),
            sa.func.length(Organisation.area_path).desc(), col(Organisation.kind) == workflow.LAST_RESORT, col(Organisation.id),
        )
        .limit(1)
    )
    row = found.first()
    if row is None:
        return None, None
    return row[0], "enterprise" if row[1] else "area"
