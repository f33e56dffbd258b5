"""How a call is carried through: what is sent again after which answer (`rules`), and how long a caller waits at most."""

import asyncio
from dataclasses import dataclass

from app.errors import WeChatUnavailable
from app.wechat import rules
from app.wechat.errors import WeChatSilent
from app.wechat.rules import Then
from app.wechat.stops import Stops
from app.wechat.tokens import TokenKeeper
from app.wechat.transport import Answer, Call, Lost, Transport

BUDGET_SECONDS = 6.0  # a person waits for most of these calls


@dataclass
class Course:
    """May the call have had its effect? `waiting` while an answer is due, `doubtful` since one was lost."""

    waiting: bool = False
    doubtful: bool = False

    def failure(self) -> WeChatUnavailable:
        return WeChatSilent() if self.waiting or self.doubtful else WeChatUnavailable()


async def perform(call: Call, transport: Transport, tokens: TokenKeeper, stops: Stops) -> Answer:
    """Sends the call up to three times: again after "busy" and "too fast", and `call.resends` times after a lost answer.

    A refused token is replaced and the call sent once more. Raises WeChatUnavailable when there is no answer within the budget:
    WeChatSilent when the call may have been taken, WeChatStopped while its quota of the day is used up.
    """
    course = Course()
    try:
        async with asyncio.timeout(BUDGET_SECONDS):
            await stops.expect_none(call.path)
            answer = await _persist(call, transport, tokens, course)
    except TimeoutError:
        raise course.failure() from None
    then = rules.rule(call.path, answer.errcode).then
    if then in rules.QUOTA:
        raise await stops.begin(call.path, then)
    stops.ended(call.path)
    return answer


async def _persist(call: Call, transport: Transport, tokens: TokenKeeper, course: Course) -> Answer:
    resends = call.resends
    for pause in rules.pauses():
        try:
            answer = await _attempt(call, transport, tokens, course)
        except Lost as lost:
            course.doubtful = course.doubtful or lost.sent
            resends -= 1
            if resends < 0 or lost.final:
                break
        else:
            if rules.rule(call.path, answer.errcode).then is not Then.AGAIN:
                return answer
        if pause is not None:
            await asyncio.sleep(pause)
    raise course.failure()


async def _attempt(call: Call, transport: Transport, tokens: TokenKeeper, course: Course) -> Answer:
    if not call.with_token:
        return await _exchange(call, transport, None, course)
    token = await tokens.current()
    answer = await _exchange(call, transport, token, course)
    if rules.rule(call.path, answer.errcode).then is Then.NEW_TOKEN:
        answer = await _exchange(call, transport, await tokens.current(stale=token), course)
    return answer


async def _exchange(call: Call, transport: Transport, token: str | None, course: Course) -> Answer:
    """`waiting` stays when the budget ends here: nobody knows then what WeChat did."""
    course.waiting = True
    try:
        answer = await transport.exchange(call, token)
    except Lost:
        course.waiting = False
        raise
    course.waiting = False
    return answer
