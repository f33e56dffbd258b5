"""Which rules hold for a caller, and who may change them."""

from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed
from app.members import queries as members_queries
from app.points import queries, service
from app.points.models import PointsRule


async def for_caller(session: AsyncSession, *, principal: Principal) -> list[PointsRule]:
    """The rules in force where the caller works."""
    area = await members_queries.area_of(session, member_id=principal.account_id)
    return list(await queries.rules(session, area_path=area[1] if area else ""))


async def change(
    session: AsyncSession, *, principal: Principal, code: str, points: int, area_id: UUID | None, **caps: Any
) -> PointsRule:
    """Adds a version: for the platform by its administrator, for an area by an administrator of it or above.

    Raises NotFound for an unknown code or area, Forbidden, ValidationFailed when the sign differs from the rule's.
    """
    known = await queries.latest_rule(session, code=code)
    area_path = None if area_id is None else (await areas_queries.get(session, area_id)).path
    whole = area_path is None and principal.has(Role.PLATFORM_ADMIN)
    if not whole and (area_path is None or not principal.covers(area_path, Role.AREA_ADMIN)):
        raise Forbidden
    if (points > 0) != (known.points > 0):
        raise ValidationFailed.of("body", "points", msg="不能改变加分或扣分的方向", kind="sign")
    return await service.change_rule(
        session, code=code, points=points, area_path=area_path, made_by=principal.account_id, **caps
    )
