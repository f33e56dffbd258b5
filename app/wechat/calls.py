"""The retry table: what is sent again after which answer, and how long a caller waits at most."""

import asyncio
import random

from app.errors import WeChatUnavailable
from app.wechat.errors import BUSY, TOKEN_GONE, TOO_FAST
from app.wechat.tokens import TokenKeeper
from app.wechat.transport import Answer, Call, Lost, Transport

PAUSES = (0.2, 0.6)  # seconds before the second and the third try
BUDGET_SECONDS = 6.0  # a person waits for most of these calls


async def perform(call: Call, transport: Transport, tokens: TokenKeeper) -> Answer:
    """Sends the call up to three times: again after "busy" and "too fast", and `call.resends` times after a lost answer.

    A refused token is replaced and the call sent once more. Raises WeChatUnavailable when there is no answer within the budget.
    """
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            return await _persist(call, transport, tokens)
    except TimeoutError:
        raise WeChatUnavailable from None


async def _persist(call: Call, transport: Transport, tokens: TokenKeeper) -> Answer:
    resends = call.resends
    for pause in (*PAUSES, None):
        try:
            answer = await _attempt(call, transport, tokens)
        except Lost:
            resends -= 1
            if resends < 0:
                break
        else:
            if answer.errcode not in (BUSY, TOO_FAST):
                return answer
        if pause is not None:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
    raise WeChatUnavailable


async def _attempt(call: Call, transport: Transport, tokens: TokenKeeper) -> Answer:
    if not call.with_token:
        return await transport.exchange(call)
    token = await tokens.current()
    answer = await transport.exchange(call, token)
    if answer.errcode in TOKEN_GONE:
        answer = await transport.exchange(call, await tokens.current(stale=token))
    return answer
