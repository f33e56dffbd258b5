"""Which enterprises an organisation covers beside its own."""

from datetime import date
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.coverage import queries, workflow
from app.coverage.models import Cover
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises import workflow as enterprises_workflow
from app.errors import AlreadyExists, Conflict, Forbidden
from app.organisations import queries as organisations_queries
from app.organisations.models import Organisation


async def cover(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, enterprise_id: UUID, since: date | None
) -> Cover:
    """From `since` on, today without one, the organisation covers the enterprise. Locks the organisation.

    Both must lie where the caller administers: nobody changes the figures of another's area.

    Raises NotFound, Forbidden, ValidationFailed for a day to come, Conflict when either was not there on that day, AlreadyExists for an
    enterprise whose own it is or that it covers then or later.
    """
    today = clock.today()
    first = since or today
    workflow.require_begun(first, today)
    enterprise = await enterprises_queries.get(session, enterprise_id)
    organisation = await organisations_queries.access_administered(session, principal=principal, organisation_id=organisation_id)
    if not enterprises_workflow.administers(principal, enterprise):
        raise Forbidden("该企业不在您管理的区域内")
    if not organisation.in_being(first) or enterprise.closed_by(first):
        raise Conflict("该党组织在这一天尚未成立或已撤销，或该企业已注销")
    if organisation.enterprise_id == enterprise_id:
        raise AlreadyExists("这是该企业自己的党组织，无需登记联建")
    if await queries.covered_meanwhile(session, organisation_id=organisation_id, enterprise_id=enterprise_id, since=first):
        raise AlreadyExists("该党组织在这段时间已经覆盖这家企业")
    made = Cover(organisation_id=organisation_id, enterprise_id=enterprise_id, since=first)
    session.add(made)
    await session.flush()
    await _record(session, "coverage.cover", organisation, made)
    return made


async def end_cover(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, cover_id: UUID, until: date | None
) -> Cover:
    """The last day on which the organisation covers the enterprise: today without one, or a day to come. Locks both rows.

    Raises NotFound, Forbidden, ValidationFailed for a day before it began, InvalidTransition when it has ended.
    """
    organisation = await organisations_queries.access_administered(session, principal=principal, organisation_id=organisation_id)
    row = await queries.lock_cover(session, organisation_id=organisation_id, cover_id=cover_id)
    row.until = workflow.last_day(row.since, row.until, until, clock.today(), latest=None)
    session.add(row)
    await session.flush()
    await _record(session, "coverage.end_cover", organisation, row)
    return row


async def _record(session: AsyncSession, action: str, organisation: Organisation, row: Cover) -> None:
    audit_service.record(
        session, action, object_kind="organisation", object_id=organisation.id, area_path=organisation.area_path, cover_id=str(row.id),
        enterprise_id=str(row.enterprise_id), since=row.since.isoformat(), until=row.until.isoformat() if row.until else None,
    )
    await session.flush()
