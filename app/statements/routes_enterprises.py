"""`/enterprises/{id}/statements`: the employer's months live above the ledger that they are drawn from."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import Path

from app.audit import service as audit_service
from app.auth import routing
from app.auth.routing import AuditedSession, SignedIn
from app.export.tables import MEDIA_TYPES, Format
from app.pagination import Page, Paging, page_of
from app.statements import queries, reading, views
from app.statements.schemas import StatementBrief, StatementOut

router = routing.router("/enterprises", tag="企业")
Month = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])]
FILES: dict[int | str, dict[str, Any]] = {200: {"content": {media: {} for media in MEDIA_TYPES.values()}}}


@router.get("/{enterprise_id}/statements", summary="企业历月积分对账单")
async def statements(enterprise_id: UUID, principal: SignedIn, session: AuditedSession, page: Paging) -> Page[StatementBrief]:
    await queries.access_enterprise(session, principal=principal, enterprise_id=enterprise_id)
    found = await queries.statements(session, enterprise_id=enterprise_id, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    audit_service.record(session, "points.list_statements", object_kind="enterprise", object_id=enterprise_id)
    return Page[StatementBrief].model_validate(page_of([views.brief(row) for row in rows], cursor))


@router.get("/{enterprise_id}/statements/{month}", summary="企业月度积分对账单", response_model=StatementOut, responses=FILES)
async def statement(
    enterprise_id: UUID, month: Month, principal: SignedIn, session: AuditedSession, format: Format = Format.JSON
) -> Any:
    enterprise = await queries.access_enterprise(session, principal=principal, enterprise_id=enterprise_id)
    shown = await reading.read(session, enterprise=enterprise, first=date.fromisoformat(f"{month}-01"))
    audit_service.record(
        session, "points.read_statement", object_kind="enterprise", object_id=enterprise_id, month=month, format=format.value
    )
    return views.statement(shown) if format is Format.JSON else await to_thread.run_sync(views.file, shown, format)
