"""`/enterprises/{id}/statements/…`: the employer's monthly statement lives with the ledger that it is drawn from."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path
from starlette.responses import Response

from app.audit import service as audit_service
from app.auth import routing
from app.auth.routing import AuditedSession, SignedIn
from app.export.tables import Format, render
from app.points import queries_statements
from app.points.schemas import StatementOut

router = routing.router("/enterprises", tag="企业")
Month = Annotated[str, Path(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])]
COLUMNS = ("姓名", "获得积分次数", "获得积分")


@router.get("/{enterprise_id}/statements/{month}", summary="企业月度积分对账单", response_model=StatementOut)
async def statement(
    enterprise_id: UUID, month: Month, principal: SignedIn, session: AuditedSession, format: Format = Format.JSON
) -> Any:
    enterprise = await queries_statements.access_enterprise(session, principal=principal, enterprise_id=enterprise_id)
    first = datetime.strptime(month, "%Y-%m").date()
    status = "open" if queries_statements.month_is_open(first) else "final"
    figures = await queries_statements.statement(session, enterprise_id=enterprise_id, first=first)
    audit_service.record(session, "points.read_statement", object_kind="enterprise", object_id=enterprise_id, month=month)
    if format is Format.JSON:
        return {"enterprise_id": enterprise_id, "enterprise": enterprise.name, "month": month, "status": status, **figures}
    return _file(enterprise.name, first, figures["lines"], format)


def _file(enterprise: str, first: date, lines: list[dict[str, Any]], format: Format) -> Response:
    rows = [(line["name"], line["events"], line["points"]) for line in lines]
    title = f"{enterprise} {first:%Y年%m月}积分对账单"
    return render(format, title=title, columns=COLUMNS, rows=rows, name=f"statement-{first:%Y-%m}")
