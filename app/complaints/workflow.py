"""Pure rules of complaints: who answers, when."""

from app.auth.principal import Principal
from app.auth.roles import Role
from app.complaints.models import Complaint, Status


def answers(principal: Principal, complaint: Complaint) -> bool:
    """The administrators of the area where the person works, never the person."""
    return complaint.member_id != principal.account_id and principal.covers(complaint.area_path, Role.AREA_ADMIN)


def allowed(principal: Principal, complaint: Complaint) -> list[str]:
    """The commands that this caller may give now."""
    return ["answer"] if complaint.status is Status.OPEN and answers(principal, complaint) else []
