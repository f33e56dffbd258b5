"""The pure rules of enterprises: the check digit of a social credit code, who may see and do what."""

from stdnum.cn import uscc as gb32100

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.enterprises.models import Enterprise

CHECK_DIGIT = "uscc_check_digit"


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
    return ["update"] if administers(principal, enterprise) else []
