"""Pure rules of complaints: who answers, when."""

from datetime import datetime

from app.auth.principal import Principal
from app.auth.roles import Role
from app.complaints.models import Complaint, Kind, Status

DAYS_TO_ANSWER = {Kind.COMPLAINT: 5, Kind.SUGGESTION: 10}  # working days


def answers(principal: Principal, complaint: Complaint) -> bool:
    """The administrators of the area where the person works, never the person."""
    return complaint.member_id != principal.account_id and principal.covers(complaint.area_path, Role.AREA_ADMIN)


def allowed(principal: Principal, complaint: Complaint) -> list[str]:
    """The commands that this caller may give now."""
    return ["answer"] if complaint.status is Status.OPEN and answers(principal, complaint) else []


def overdue(complaint: Complaint, now: datetime) -> bool:
    """It waits for its answer beyond the limit."""
    return complaint.status is Status.OPEN and complaint.due_at is not None and complaint.due_at < now
