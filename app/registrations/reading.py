"""Reading by staff: what is shown of Party members is audited in the same transaction, so that nothing is shown unnoted."""

from collections.abc import Sequence
from uuid import UUID

from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.registrations import views
from app.registrations.models import Registration, Status
from app.registrations.schemas_staff import CountsOut, DetailOut, LineOut

READ = "registrations.read"


async def detail(session: AsyncSession, principal: Principal, row: Registration) -> DetailOut:
    if row.member_id != principal.account_id:
        audit_service.record(session, READ, object_kind="registration", object_id=row.id, area_path=row.area_path)
    return await views.detail(session, principal, row)


async def lines(session: AsyncSession, principal: Principal, rows: Sequence[Registration], *, due: bool = False) -> list[LineOut]:
    """One event for each page: the ids of those on it that Party members have made. `due`: with the days that they are overdue."""
    party = [str(row.id) for row in rows if row.status is not Status.ACTIVE and row.member_id != principal.account_id]
    if party:
        audit_service.record(session, READ, object_kind="registration", object_id=None, ids=party)
    return await views.lines(session, principal, rows, due=due)


async def counts(session: AsyncSession, principal: Principal, *, area_id: UUID) -> CountsOut:
    """Raises NotFound for an area that the caller does not administer."""
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise NotFound
    audit_service.record(session, "registrations.count", object_kind="area", object_id=area.id, area_path=area.path)
    return await views.counts(session, area_id=area_id)
