"""`/members/me/identity-code`: the rotating code by which a store knows a member."""

from app.auth import routing
from app.auth.routing import ReadSession, SignedIn
from app.discounts import queries
from app.discounts.schemas import IdentityCodeOut

router = routing.router("/members", tag="个人")


@router.get("/me/identity-code", summary="我的会员码（动态二维码内容）")
async def identity_code(principal: SignedIn, session: ReadSession) -> IdentityCodeOut:
    token, expires_at = await queries.identity_code(session, principal=principal)
    return IdentityCodeOut(token=token, expires_at=expires_at)
