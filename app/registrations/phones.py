"""The phone number that comes with a registration, asked of WeChat before the unit of work begins."""

from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.registrations import service
from app.registrations.schemas import RegistrationIn
from app.wechat.client import WeChatClient


async def number_for(reader: AsyncSession, wechat: WeChatClient, *, principal: Principal, told: RegistrationIn) -> str | None:
    """The number behind `phone_code`; None where a number is bound already.

    A code works once, so what would refuse the registration anyway is looked for first. Raises as `service.aim`; WeChatCodeInvalid.
    """
    await service.aim(reader, principal=principal, told=told)
    if told.phone_code is None or principal.has_phone:
        return None
    openid = await auth_queries.openid_of(reader, account_id=principal.account_id)
    await reader.close()  # no connection waits while WeChat answers
    return await wechat.phone_number(told.phone_code, openid=openid)
