"""Quarterly publicity lists: who may read one, and what people say against it."""

from dataclasses import dataclass

from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members import queries as members_queries
from app.points.models import PointsText, PublicityObjection
from app.points.queries_statements import Quarter


@dataclass(frozen=True, slots=True)
class PublicityList:
    quarter: Quarter
    area_path: str


async def access_list(session: AsyncSession, *, principal: Principal, quarter: Quarter) -> PublicityList:
    """The list of the caller's tenant, once its quarter has ended. Raises NotFound before."""
    area = await members_queries.area_of(session, member_id=principal.account_id)
    if area is None or not quarter.over:
        raise NotFound("该季度尚未公示")
    return PublicityList(quarter, (await areas_queries.root_of(session, path=area[1])).path)


async def receive(session: AsyncSession, *, principal: Principal, quarter: Quarter, reason: str) -> PublicityObjection:
    """Keeps an objection for the area administrators. Raises NotFound while there is no list."""
    shown = await access_list(session, principal=principal, quarter=quarter)
    text = PointsText(member_id=principal.account_id, text=reason)
    session.add(text)
    await session.flush()
    objection = PublicityObjection(year=quarter.year, quarter=quarter.quarter, member_id=principal.account_id, text_id=text.id)
    session.add(objection)
    audit_service.record(
        session, "points.object_to_publicity", object_kind="points_publicity_objection", object_id=objection.id,
        area_path=shown.area_path, year=quarter.year, quarter=quarter.quarter,
    )
    await session.flush()
    return objection
