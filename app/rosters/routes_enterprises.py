"""`/enterprises/{id}/roster`: an enterprise's people, matched with registrations; nobody learns who, only how many."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import File, Path, UploadFile

from app.auth import routing
from app.auth.routing import AuditedSession, ReadSession, Session, SignedIn
from app.export.tables import MEDIA_TYPES
from app.rosters import files, queries, service, views
from app.rosters.models import RosterKind
from app.rosters.schemas import ErrorsFormat, RosterErrorsOut, RosterOut

router = routing.router("/enterprises", tag="企业")
EnterpriseId = Annotated[UUID, Path(description="企业编号", examples=["01933c5e-7a00-7000-8000-00000000000b"])]
RosterFile = Annotated[UploadFile, File(description="xlsx 或 csv，首行列名：姓名、手机号，可有入职日期、备注；最多 5000 人")]
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPES[kind]: {} for kind in MEDIA_TYPES if kind in ("csv", "xlsx")}}}


@router.post("/{enterprise_id}/roster", status_code=202, summary="上传企业花名册")
async def upload(enterprise_id: EnterpriseId, principal: SignedIn, session: Session, file: RosterFile) -> RosterOut:
    parsed = await files.read(file)
    roster = await service.upload(
        session, principal=principal, kind=RosterKind.ENTERPRISE, owner_id=enterprise_id, parsed=parsed
    )
    return await views.counts(session, roster)


@router.get("/{enterprise_id}/roster", summary="企业花名册比对结果（仅人数）")
async def result(enterprise_id: EnterpriseId, principal: SignedIn, session: ReadSession) -> RosterOut:
    await queries.expect_access(session, principal=principal, kind=RosterKind.ENTERPRISE, owner_id=enterprise_id)
    return await views.counts(session, await queries.newest(session, owner_id=enterprise_id))


@router.get("/{enterprise_id}/roster/errors", summary="企业花名册错误清单", response_model=RosterErrorsOut, responses=FILES)
async def errors(
    enterprise_id: EnterpriseId, principal: SignedIn, session: AuditedSession, format: ErrorsFormat = ErrorsFormat.CSV
) -> Any:
    return await views.errors(session, principal=principal, kind=RosterKind.ENTERPRISE, owner_id=enterprise_id, format=format)
