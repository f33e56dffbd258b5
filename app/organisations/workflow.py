"""The pure rules of organisations: who may change one, when one is in being."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.errors import Conflict, ValidationFailed
from app.organisations.models import Organisation

COMMITTEE_SUFFIX = "社会工作部综合党委"
NAME_LENGTH = 120


def administers(principal: Principal, organisation: Organisation) -> bool:
    return principal.covers(organisation.area_path, Role.AREA_ADMIN)


def prints_codes_of(principal: Principal, organisation: Organisation) -> bool:
    """Its secretary, its instructor, and the administrators of its area."""
    own = principal.holds(ScopeType.ORGANISATION, organisation.id, Role.ORG_SECRETARY, Role.INSTRUCTOR)
    return own or administers(principal, organisation)


def allowed(principal: Principal, organisation: Organisation) -> list[str]:
    """The commands that this caller may give now."""
    return ["update"] if administers(principal, organisation) else []


def committee_name(area_name: str) -> str:
    return area_name[: NAME_LENGTH - len(COMMITTEE_SUFFIX)] + COMMITTEE_SUFFIX


def levels(area_path: str) -> list[str]:
    """The paths of an area and of all above it: "a/b/" gives "a/" and "a/b/"."""
    codes = area_path.strip("/").split("/")
    return ["/".join(codes[:depth]) + "/" for depth in range(1, len(codes) + 1)]


def require_order(founded_on: date, dissolved_on: date | None) -> None:
    """Raises ValidationFailed for an end before the beginning."""
    if dissolved_on is not None and dissolved_on < founded_on:
        raise ValidationFailed.of("body", "dissolved_on", msg="撤销日期不能早于成立日期", kind="order")


def require_kept(organisation: Organisation, *, area_id: UUID | None, fields: Mapping[str, Any]) -> None:
    """Raises Conflict for a tenant's root committee that would move, end or become something else: who fits nowhere else goes to it."""
    moves, changes = area_id not in (None, organisation.area_id), fields.get("kind") not in (None, organisation.kind)
    ends = fields.get("dissolved_on") is not None
    if organisation.root_committee and (moves or changes or ends):
        raise Conflict("县区综合党委不能撤销、调整到其他区域或改为其他类型")
