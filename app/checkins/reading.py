"""Reading by staff: whenever a rider's name is shown to a reviewer, that is audited in the same transaction.

A rider who reports in to a community tells that community one's name by it: its reviewer must know whom the community takes in and
appoints, and prints the certificate. So the reviewer of that community (a grant on it or above) reads the full name and the masked
phone, while the check-in is pending or confirmed and no longer; administrators of the area read an alias.
"""

from collections.abc import Sequence

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.checkins import views, workflow
from app.checkins.models import CheckIn
from app.checkins.schemas import CheckInOut
from app.db.session import AsyncSession

READ = "checkins.read_person"


async def detail(session: AsyncSession, principal: Principal, row: CheckIn) -> CheckInOut:
    if workflow.reads_person(principal, row):
        audit_service.record(session, READ, object_kind="checkin", object_id=row.id, area_path=row.area_path)
    return await views.one(session, principal, row)


async def page(session: AsyncSession, principal: Principal, rows: Sequence[CheckIn], *, area_path: str) -> list[CheckInOut]:
    """One event for each page: the ids of the check-ins by which people were shown."""
    told = [str(row.id) for row in rows if workflow.reads_person(principal, row)]
    if told:
        audit_service.record(session, READ, object_kind="checkin", object_id=None, area_path=area_path, ids=told)
    return await views.shown(session, principal, rows)
