"""`/organisations/{id}/roster`: who of a Party roster has registered with the organisation, and who has not (口袋党员)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import File, Path, Query, UploadFile

from app.auth import routing
from app.auth.routing import AuditedSession, Session, SignedIn
from app.export.tables import MEDIA_TYPES
from app.pagination import Page, Paging
from app.rosters import files, service, views
from app.rosters.models import RosterKind
from app.rosters.paging import CandidatePaging
from app.rosters.schemas import CandidateOut, ErrorsFormat, FollowUpIn, RosterErrorsOut, RosterLinesOut, RosterOut
from app.rosters.workflow import LineState

router = routing.router("/organisations", tag="党组织")
OrganisationId = Annotated[UUID, Path(description="组织编号", examples=["01933c5e-7a00-7000-8000-000000000005"])]
LineId = Annotated[UUID, Path(description="名册行编号", examples=["01933c5e-7a00-7000-8000-00000000000c"])]
RosterFile = Annotated[UploadFile, File(description="xlsx 或 csv，首行列名：姓名、手机号，可有入职日期、备注；最多 5000 人")]
State = Annotated[LineState | None, Query(description="只看这种状态的人员", examples=["undeclared"])]
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPES[kind]: {} for kind in MEDIA_TYPES if kind in ("csv", "xlsx")}}}
ROSTER = "/{organisation_id}/roster"


@router.post(ROSTER, status_code=202, summary="上传党员名册")
async def upload(organisation_id: OrganisationId, principal: SignedIn, session: Session, file: RosterFile) -> RosterOut:
    parsed = await files.read(file)
    roster = await service.upload(
        session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id, parsed=parsed
    )
    return await views.counts(session, roster)


@router.get(ROSTER, summary="党员名册比对结果")
async def result(
    organisation_id: OrganisationId, principal: SignedIn, session: AuditedSession, page: Paging, state: State = None
) -> RosterLinesOut:
    return await views.people(session, principal=principal, organisation_id=organisation_id, state=state, page=page)


@router.get(ROSTER + "/errors", summary="党员名册错误清单", response_model=RosterErrorsOut, responses=FILES)
async def errors(
    organisation_id: OrganisationId, principal: SignedIn, session: AuditedSession, format: ErrorsFormat = ErrorsFormat.CSV
) -> Any:
    return await views.errors(session, principal=principal, kind=RosterKind.ORGANISATION, owner_id=organisation_id, format=format)


@router.get(ROSTER + "/candidates", summary="口袋党员线索（未亮身份在前）")
async def candidates(
    organisation_id: OrganisationId, principal: SignedIn, session: AuditedSession, page: CandidatePaging
) -> Page[CandidateOut]:
    return await views.candidates(session, principal=principal, organisation_id=organisation_id, page=page)


@router.post(ROSTER + "/candidates/{line_id}/follow-up", summary="记录联系结果")
async def follow_up(
    organisation_id: OrganisationId, line_id: LineId, principal: SignedIn, session: Session, body: FollowUpIn
) -> CandidateOut:
    line, state = await service.follow_up(
        session, principal=principal, organisation_id=organisation_id, line_id=line_id, outcome=body.outcome, note=body.note
    )
    return views.candidate(session, line, state)


@router.post(ROSTER + "/rematch", status_code=202, summary="重新比对党员名册")
async def rematch(organisation_id: OrganisationId, principal: SignedIn, session: Session) -> RosterOut:
    return await views.counts(session, await service.ask_rematch(session, principal=principal, organisation_id=organisation_id))
