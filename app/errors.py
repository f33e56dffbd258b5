"""Refusals with a stable code: what an operation raises, and the problem document (RFC 9457) that the caller reads.

A feature's own refusals stand in its `errors.py` as subclasses; all of them together are `openapi/errors.json`.
"""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Self

TYPE_BASE = "https://xinxin.invalid/errors/"
MEDIA_TYPE = "application/problem+json"


class AppError(Exception):
    """One refusal. `facts` go into the problem document as they are; `detail` is a Chinese sentence for a person.

    `remembered` says whether an idempotency key keeps this refusal as its answer: what the operation itself decided is kept,
    what the caller can mend under the same key is not (contract, "Conventions").
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    detail: ClassVar[str] = "服务出错了，请稍后再试"
    fact_names: ClassVar[tuple[str, ...]] = ()
    remembered: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, *, retry_after: int | None = None, **facts: Any) -> None:
        super().__init__(self.code)
        self.sentence = detail or self.detail
        self.retry_after = retry_after
        self.facts = facts
        self.aftermath: list[Callable[[Any], Awaitable[None]]] = []

    def then(self, step: Callable[[Any], Awaitable[None]]) -> Self:
        """Adds what must be written although the work is undone (a guess counter); `step` gets the session of a new transaction."""
        self.aftermath.append(step)
        return self

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(max(1, self.retry_after))}

    def problem(self, request_id: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "type": TYPE_BASE + self.code, "title": self.title, "status": self.status, "code": self.code, "detail": self.sentence,
            "request_id": request_id,
        }
        return document | {name: plain(value) for name, value in self.facts.items()}


def plain(value: Any) -> Any:
    """A fact as JSON: instants as RFC 3339 in UTC, ids as text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def catalogue(base: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Every refusal that is defined in the loaded modules."""
    for error in base.__subclasses__():
        if "code" in vars(error):
            yield error
        yield from catalogue(error)


class BadRequest(AppError):
    status, code, title, detail = 400, "bad_request", "Bad request", "请求有误，无法识别"


class IdempotencyKeyMissing(AppError):
    status, code, title, detail = 400, "idempotency_key_missing", "Idempotency-Key is missing", "缺少 Idempotency-Key，无法安全提交"


class Unauthenticated(AppError):
    status, code, title, detail = 401, "unauthenticated", "Not signed in", "请先登录"


class TokenExpired(AppError):
    status, code, title, detail = 401, "token_expired", "Access token expired", "登录已过期，请刷新"


class Forbidden(AppError):
    status, code, title, detail, remembered = 403, "forbidden", "Not allowed", "您没有权限做这件事", True


class ConsentRequired(AppError):
    status, code, title, detail = 403, "consent_required", "Consent is missing", "请先阅读并同意相关说明"
    fact_names = ("purpose",)


class PhoneRequired(AppError):
    status, code, title, detail = 403, "phone_required", "Phone is not bound", "请先绑定手机号"


class AccountSuspended(AppError):
    status, code, title, detail = 403, "account_suspended", "Account suspended", "账号已停用，请联系工作人员"


class StepUpRequired(AppError):
    status, code, title, detail = 403, "step_up_required", "Confirm that it is you", "请再次验证身份后继续"


class NotFound(AppError):
    status, code, title, detail, remembered = 404, "not_found", "Not found", "没有找到，或您无权查看", True


class MethodNotAllowed(AppError):
    status, code, title, detail = 405, "method_not_allowed", "Method not allowed", "不支持这种请求方法"


class InvalidTransition(AppError):
    status, code, title, detail, remembered = 409, "invalid_transition", "Not possible in this state", "当前状态下不能这样操作", True
    fact_names = ("status", "allowed")

    def __init__(self, detail: str | None = None, *, state: str, allowed: list[str] | tuple[str, ...]) -> None:
        super().__init__(detail)
        # The contract calls this fact `status`, as the object does; the document's own `status` member is the HTTP status and stays.
        self.facts = {"current_status": state, "allowed": list(allowed)}


class AlreadyExists(AppError):
    status, code, title, detail, remembered = 409, "already_exists", "Already exists", "已经存在，不能重复创建", True


class LimitReached(AppError):
    status, code, title, detail, remembered = 409, "limit_reached", "Limit reached", "已达到上限", True
    fact_names = ("limit", "period")


class Conflict(AppError):
    status, code, title, detail, remembered = 409, "conflict", "Conflict", "数据已变化，请刷新后再试", True


class RequestInProgress(AppError):
    status, code, title, detail = 409, "request_in_progress", "The same request is being worked on", "同一请求正在处理，请稍候"

    def __init__(self) -> None:
        super().__init__(retry_after=1)


class VersionMismatch(AppError):
    status, code, title, detail, remembered = 412, "version_mismatch", "Changed meanwhile", "内容已被他人更新，请刷新后再试", True
    fact_names = ("version",)


def expect_version(seen: int | None, actual: int) -> None:
    """Raises VersionMismatch when the caller saw another version (`If-Match`) than the row, locked by now, has."""
    if seen is not None and seen != actual:
        raise VersionMismatch(version=actual)


class PayloadTooLarge(AppError):
    status, code, title, detail = 413, "payload_too_large", "Body too large", "内容过大"
    fact_names = ("limit",)

    @property
    def headers(self) -> dict[str, str]:
        """What the client still sends is not waited for."""
        return {"Connection": "close"}


class UnsupportedMediaType(AppError):
    status, code, title, detail = 415, "unsupported_media_type", "Unsupported media type", "不支持这种内容类型"


class ValidationFailed(AppError):
    """`errors` is a list of `{loc, msg, type}`; the input itself is never repeated."""

    status, code, title, detail = 422, "validation_error", "Invalid input", "填写的内容有误，请检查"
    fact_names = ("errors",)

    @classmethod
    def of(cls, *loc: str | int, msg: str, kind: str = "value_error") -> "ValidationFailed":
        return cls(errors=[{"loc": list(loc), "msg": msg, "type": kind}])


class IdempotencyKeyReused(AppError):
    status, code, title, detail = 422, "idempotency_key_reused", "Key used for another request", "该 Idempotency-Key 已用于其他请求"


class CodeMalformed(AppError):
    status, code, title, detail, remembered = 422, "code_malformed", "Code is mistyped", "券码有误，请核对后重新输入", True


class CodeNotFound(AppError):
    """An unknown code, one of another store, and a forged token sound alike."""

    status, code, title, detail, remembered = 404, "code_not_found", "No such code", "没有找到这个兑换码，请核对", True


class TicketExpired(AppError):
    status, code, title, detail, remembered = 410, "ticket_expired", "Ticket expired", "二维码已过期，请让顾客刷新后再扫", True


class RateLimited(AppError):
    status, code, title, detail = 429, "rate_limited", "Too many requests", "操作过于频繁，请稍后再试"


class TooManyAttempts(AppError):
    status, code, title, detail = 429, "too_many_attempts", "Too many attempts", "尝试次数过多，请稍后再试"


class HeaderTooLarge(AppError):
    status, code, title, detail = 431, "header_too_large", "Request header too large", "请求头过大"
    fact_names = ("limit",)


class Internal(AppError):
    status, code, title, detail = 500, "internal", "Internal error", "服务出错了，请稍后再试"


class WeChatUnavailable(AppError):
    status, code, title, detail = 502, "wechat_unavailable", "WeChat does not answer", "微信服务暂时不可用，请稍后再试"

    def __init__(self) -> None:
        super().__init__(retry_after=5)


class Busy(AppError):
    status, code, title, detail = 503, "busy", "Busy", "系统繁忙，请稍后再试"

    def __init__(self) -> None:
        super().__init__(retry_after=1)


class StorageFull(AppError):
    status, code, title, detail = 503, "storage_full", "Storage full", "存储空间不足，请稍后再试"

    def __init__(self) -> None:
        super().__init__(retry_after=60)
