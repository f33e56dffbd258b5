"""`/reports/{id}/reveal`: one full value of a report's reporter."""

from typing import Any
from uuid import UUID

from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import Session, SignedIn
from app.me import reveals
from app.me.schemas import RevealIn, RevealOut

router = routing.router("/reports", tag="上报")


@router.post("/{report_id}/reveal", response_model=RevealOut, summary="查看上报人的一项完整信息")
@policy(step_up=True)
async def reveal(report_id: UUID, body: RevealIn, principal: SignedIn, session: Session) -> Any:
    value = await reveals.reveal_reporter(session, principal=principal, report_id=report_id, **body.model_dump())
    return {"field": body.field, "value": value}
