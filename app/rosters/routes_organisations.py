"""`/organisations/{id}/roster`: who of a Party roster has registered with the organisation, and who has not (口袋党员)."""

from typing import Annotated
from uuid import UUID

from fastapi import File, Path, UploadFile

from app.auth import routing
from app.auth.routing import AuditedSession, Session, SignedIn
from app.pagination import Paging
from app.rosters import files, queries, service, views
from app.rosters.models import RosterKind
from app.rosters.schemas import RosterLinesOut, RosterOut

router = routing.router("/organisations", tag="党组织")
OrganisationId = Annotated[UUID, Path(description="组织编号", examples=["01933c5e-7a00-7000-8000-000000000005"])]
RosterFile = Annotated[UploadFile, File(description="xlsx 或 csv，首行列名：姓名、手机号；最多 5000 人")]


@router.post("/{organisation_id}/roster", status_code=202, summary="上传党员名册")
async def upload(organisation_id: OrganisationId, principal: SignedIn, session: Session, file: RosterFile) -> RosterOut:
    parsed = await files.read(file)
    roster = await service.upload(
        session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id, parsed=parsed
    )
    return views.counts(roster)


@router.get("/{organisation_id}/roster", summary="党员名册比对结果")
async def result(organisation_id: OrganisationId, principal: SignedIn, session: AuditedSession, page: Paging) -> RosterLinesOut:
    await queries.expect_access(session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id)
    return await views.people(session, await queries.newest(session, owner_id=organisation_id), page)
