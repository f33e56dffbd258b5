"""What WeChat's answers mean to our callers. `WeChatUnavailable`, the refusal of everything temporary, stands in `app.errors`."""

from typing import ClassVar

from app.errors import AppError, WeChatUnavailable

BUSY, TOO_FAST = -1, 45011
INVALID_CODE, USED_CODE, WRONG_PERSON = 40029, 40163, 40003
BLOCKED_USER = 40226
TOKEN_GONE = frozenset({40001, 42001, 40014})
USER_REFUSED = 43101
QUOTA_USED_UP, PARALLEL_SENDS = 45009, 43108
LONG_AWAY = 61010


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
