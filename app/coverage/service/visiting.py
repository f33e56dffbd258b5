"""What instructors and liaisons write down about their visits."""

from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.coverage import queries
from app.coverage.models import Visit
from app.coverage.schemas import VisitIn
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Forbidden, ValidationFailed
from app.security import sealing


async def log_visit(
    session: AsyncSession, *, principal: Principal, scope_type: ScopeType, place_id: UUID, told: VisitIn
) -> Visit:
    """Writes a visit down, with its note sealed.

    Raises NotFound, Forbidden for whoever was not assigned there on that day, ValidationFailed for a day to come.
    """
    today = clock.today()
    day = told.on or today
    if day > today:
        raise ValidationFailed.of("body", "on", msg="走访日期不能晚于今天", kind="on")
    place = await queries.place(session, scope_type, place_id)
    if not await queries.looks_after(session, account_id=principal.account_id, of=place, on=day):
        raise Forbidden("您在这一天没有联系该单位的任务")
    visit_id = new_id()
    visit = Visit(
        id=visit_id, account_id=principal.account_id, visited_on=day, topics=[topic.value for topic in told.topics],
        note_sealed=sealing.seal(session, told.note, table=queries.VISIT_TABLE, column="note", row=visit_id), **place.columns,
    )
    session.add(visit)
    await session.flush()
    audit_service.record(
        session, "coverage.visit", object_kind=place.scope_type.value, object_id=place.id, area_path=place.area_path,
        visit_id=str(visit.id), on=day.isoformat(),
    )
    await session.flush()
    return visit
