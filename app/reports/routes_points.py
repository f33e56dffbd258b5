"""`/points/awards`: asking for an award; it may be about a report, which points does not know."""

from typing import Any

from app.auth import routing
from app.auth.routing import Session, SignedIn
from app.points.schemas_awards import AwardIn, AwardOut
from app.reports import subjects

router = routing.router("/points", tag="积分")


@router.post("/awards", status_code=201, summary="申请人工评定的奖励", response_model=AwardOut)
async def propose_award(body: AwardIn, principal: SignedIn, session: Session) -> Any:
    return await subjects.propose_award(session, principal=principal, told=body)
