"""What WeChat's answers mean to our callers. `WeChatUnavailable`, the refusal of everything temporary, stands in `app.errors`."""

from math import ceil
from typing import ClassVar

from app.errors import AppError, WeChatUnavailable


class WeChatCodeInvalid(AppError):
    """The code is unknown, used, too old or another person's: the mini program must ask WeChat for a new one."""

    status, code, title, detail = 401, "wechat_code_invalid", "WeChat code not accepted", "微信授权已失效，请重新操作"


class WeChatAccountBlocked(AppError):
    """WeChat holds this user back as a risk (40226): trying again does not help."""

    status, code, title, detail = 403, "wechat_account_blocked", "Blocked by WeChat", "微信判定该账号存在风险，暂时无法登录"


class WeChatRefused(WeChatUnavailable):
    """WeChat understood the call and refused it: the same call will be refused again. `errcode` is WeChat's own number.

    It is a `WeChatUnavailable`, so that an endpoint which does not care answers 502; a job that would repeat the call must catch it first.
    """

    detail: ClassVar[str] = "微信未接受该请求，请稍后再试"

    def __init__(self, errcode: int) -> None:
        super().__init__()
        self.errcode = errcode


class SubscriptionRefused(WeChatRefused):
    """43101: the person took the permission back, or the one-time permission is used up. Their counter of permissions is 0."""


class WeChatSilent(WeChatUnavailable):
    """The call went out and no answer says what became of it: it may have had its effect. Any other `WeChatUnavailable` had none."""


class WeChatStopped(WeChatUnavailable):
    """The quota of the day is used up for this call (45009): it rests until midnight in Beijing. `retry_after` says for how long."""

    detail: ClassVar[str] = "微信今日的调用额度已用完，请明天再试"

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.retry_after = ceil(seconds)
