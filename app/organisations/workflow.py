"""The pure rules of organisations: who may change one, which kinds take people in."""

from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.errors import Conflict
from app.organisations.models import Organisation, OrganisationKind

# A group belongs to a branch and a trade committee leads branches: neither takes people in. Of two in one area a branch comes first.
TAKES_IN = (
    OrganisationKind.BRANCH, OrganisationKind.MOBILE_BRANCH, OrganisationKind.GENERAL_BRANCH, OrganisationKind.COMPREHENSIVE_COMMITTEE,
)
LAST_RESORT = OrganisationKind.COMPREHENSIVE_COMMITTEE
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


def require_kept(organisation: Organisation, *, area_id: UUID | None, kind: OrganisationKind | None) -> None:
    """Raises Conflict for a tenant's root committee that would move or become something else: who fits nowhere else goes to it."""
    moves, changes = area_id not in (None, organisation.area_id), kind not in (None, organisation.kind)
    if organisation.root_committee and (moves or changes):
        raise Conflict("县区综合党委不能调整到其他区域或改为其他类型")
