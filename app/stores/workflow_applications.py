"""The pure rules of applications and invitations: who may do what, when."""

from app.auth.principal import Principal
from app.auth.roles import Role
from app.errors import Forbidden, InvalidTransition
from app.stores import workflow
from app.stores.models import Store
from app.stores.models_applications import Status, StoreApplication

# Command → the states that it begins in, and the one that it ends in.
APPLICANTS = {
    "update": ({Status.SUBMITTED, Status.RETURNED}, Status.SUBMITTED),
    "withdraw": ({Status.SUBMITTED, Status.RETURNED}, Status.WITHDRAWN),
}
ADMINISTRATORS = {
    "return": ({Status.SUBMITTED}, Status.RETURNED),
    "reject": ({Status.SUBMITTED}, Status.REJECTED),
    "approve": ({Status.SUBMITTED}, Status.APPROVED),
}


def visible(principal: Principal, row: StoreApplication) -> bool:
    """To who sent it in, and to the administrators of its area."""
    return row.applicant_id == principal.account_id or principal.covers(row.area_path, Role.AREA_ADMIN)


def decides(principal: Principal, row: StoreApplication) -> bool:
    """An administrator of its area, but nobody over an own one."""
    return row.applicant_id != principal.account_id and principal.covers(row.area_path, Role.AREA_ADMIN)


def allowed(principal: Principal, row: StoreApplication) -> list[str]:
    """The commands that this caller may give now."""
    return [command for command, (begins, _) in _given_to(principal, row).items() if row.status in begins]


def require_may(principal: Principal, row: StoreApplication, command: str) -> None:
    """Raises Forbidden for who may never give this command."""
    if command not in _given_to(principal, row):
        raise Forbidden


def after(principal: Principal, row: StoreApplication, command: str) -> Status:
    """The state that a command leads to. Raises InvalidTransition."""
    begins, ends = _given_to(principal, row)[command]
    if row.status not in begins:
        raise InvalidTransition(state=row.status, allowed=allowed(principal, row))
    return ends


def _given_to(principal: Principal, row: StoreApplication) -> dict[str, tuple[set[Status], Status]]:
    if row.applicant_id == principal.account_id:
        return APPLICANTS
    return ADMINISTRATORS if decides(principal, row) else {}


def may_hire(principal: Principal, store: Store, role: Role) -> bool:
    """What `auth` lets them give by hand: owners their clerks, administrators of the area owners too."""
    return workflow.administers(principal, store) or (role is Role.STORE_CLERK and workflow.owns(principal, store))
