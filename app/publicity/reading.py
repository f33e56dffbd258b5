"""Reading by staff: whenever full names are shown, that is audited in the same transaction."""

from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.publicity import queries, queries_shortlists, views
from app.publicity.workflow import Quarter


async def lines(session: AsyncSession, *, principal: Principal, quarter: Quarter) -> dict[str, Any]:
    """A quarter's list with its full names, for who administers the tenant. Raises NotFound."""
    published = await queries.governed(session, principal=principal, quarter=quarter)
    audit_service.record(
        session, "publicity.read_names", object_kind="publicity_list", object_id=published.id, area_path=published.area_path
    )
    return await views.staff_lines(session, published)


async def shortlist(session: AsyncSession, *, principal: Principal, shortlist_id: UUID) -> dict[str, Any]:
    """A shortlist with its candidates, for who administers its area. Raises NotFound."""
    row = await queries_shortlists.access(session, principal=principal, shortlist_id=shortlist_id)
    audit_service.record(session, "publicity.read_names", object_kind="shortlist", object_id=row.id, area_path=row.area_path)
    return await views.shortlist(session, principal, row)
