"""What a route asks of its caller before its own work begins: one declaration per endpoint, held to be complete by a test."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from app.auth.principal import AccountStatus, Principal
from app.db.acting import Reason
from app.errors import Forbidden, StepUpRequired

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
ATTRIBUTE = "__policy__"


@dataclass(frozen=True, slots=True)
class Policy:
    """Signed in is the default. `consents` bind members on POST only; `key` says what an Idempotency-Key means here.

    `while_otp_pending` opens a route to a console session that must enrol its second factor first. `service`: why a public route, whose
    caller is nobody, acts as the service.
    """

    public: bool = False
    key: Literal["optional", "required", "ignored"] = "optional"
    consents: tuple[str, ...] = ("service",)
    phone: bool = False
    step_up: bool = False
    while_cancelling: bool = False
    while_otp_pending: bool = False
    service: Reason | None = None

    def check(self, principal: Principal, *, method: str) -> None:
        """Raises ConsentRequired, PhoneRequired, StepUpRequired, or Forbidden for a write of an account that is being cancelled."""
        if principal.otp_pending and not self.while_otp_pending:
            raise StepUpRequired("请先绑定动态验证码（第二因素）")
        if method != "GET" and principal.status is AccountStatus.CANCELLING and not self.while_cancelling:
            raise Forbidden("账号正在注销，恢复账号后才能继续")
        if method == "POST":
            for purpose in self.consents:
                principal.require_consent(purpose)
        if self.phone:
            principal.require_phone()
        if self.step_up and not principal.stepped_up:
            raise StepUpRequired


DEFAULT = Policy()


def policy(**asked: Any) -> Callable[[Endpoint], Endpoint]:
    """Declares the policy of an endpoint that differs from the default (signed in, key optional, consent `service` on POST)."""
    declared = Policy(**asked)

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, ATTRIBUTE, declared)
        return endpoint

    return mark


def policy_of(endpoint: Callable[..., Any]) -> Policy:
    declared: Policy = getattr(endpoint, ATTRIBUTE, DEFAULT)
    return declared
