"""The pure rules of enterprises: the check digit of a social credit code, who may see and do what."""

from datetime import date

from stdnum.cn import uscc as gb32100

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.enterprises.models import Enterprise
from app.errors import ValidationFailed

CHECK_DIGIT = "统一社会信用代码的校验位不符，请核对；确认无误的，请勾选确认后再提交（uscc_confirmed）"


def warnings(uscc: str, *, confirmed: bool) -> list[str]:
    """What is odd about a code of 18 allowed symbols. Some companies really have a wrong check digit: a person may confirm it."""
    right = uscc[-1] == gb32100.calc_check_digit(uscc[:-1])
    return [] if right or confirmed else [CHECK_DIGIT]


def administers(principal: Principal, enterprise: Enterprise) -> bool:
    return principal.covers(enterprise.area_path, Role.AREA_ADMIN)


def speaks_for(principal: Principal, enterprise: Enterprise) -> bool:
    """Is the caller its contact?"""
    return principal.holds(ScopeType.ENTERPRISE, enterprise.id, Role.ENTERPRISE_CONTACT)


def sees_details(principal: Principal, enterprise: Enterprise) -> bool:
    """Its code and headcount are for its contact and for administrators of its area; its name is for everybody who picks an employer."""
    return administers(principal, enterprise) or speaks_for(principal, enterprise)


def allowed(principal: Principal, enterprise: Enterprise) -> list[str]:
    """The commands that this caller may give now."""
    return [*(["update"] if administers(principal, enterprise) else []), *(["headcount"] if sees_details(principal, enterprise) else [])]


def require_life(listed_on: date, closed_on: date | None) -> None:
    """Raises ValidationFailed for an enterprise that would have closed before it was listed."""
    if closed_on is not None and closed_on < listed_on:
        raise ValidationFailed.of("body", "closed_on", msg="关闭日期不能早于登记日期", kind="closed_on")


def require_day_of_figure(enterprise: Enterprise, on: date, today: date) -> None:
    """Raises ValidationFailed for a figure of a day to come, or of one on which the enterprise is closed."""
    if on > today or enterprise.closed_by(on):
        raise ValidationFailed.of("body", "on", msg="日期不能晚于今天，也不能在企业关闭之后", kind="on")
