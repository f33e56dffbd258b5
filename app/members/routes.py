"""`/members`: the texts to agree to, and the phone. What needs other features stands in `me`."""

from typing import Any

from app.auth import queries as auth_queries
from app.auth import routing
from app.auth.policy import policy
from app.auth.routing import ReadSession, Session, SignedIn, WeChat
from app.members import masking, queries, service, workflow
from app.members.schemas import ConsentTextOut, PhoneIn, PhoneOut

router = routing.router("/members", tag="个人")


@router.get("/consent-texts", response_model=list[ConsentTextOut], summary="各项说明的当前版本")
@policy(public=True)
async def consent_texts(session: ReadSession) -> Any:
    return await queries.consent_texts(session)


@router.post("/me/phone", response_model=PhoneOut, summary="绑定手机号")
@policy(consents=())
async def bind_phone(body: PhoneIn, principal: SignedIn, reader: ReadSession, session: Session, wechat: WeChat) -> Any:
    workflow.require_member(principal)
    openid = await auth_queries.openid_of(reader, account_id=principal.account_id)
    await reader.close()  # no connection waits while WeChat answers
    phone = await wechat.phone_number(body.code, openid=openid)
    await service.bind_phone(session, member_id=principal.account_id, phone=phone)
    return {"phone": masking.mask_phone(phone)}
