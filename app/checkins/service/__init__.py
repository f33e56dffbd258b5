"""Every change of check-ins and appointments, split by use case."""

from app.checkins.service.appointing import appoint, remind, revoke
from app.checkins.service.deciding import confirm, end, reject
from app.checkins.service.reporting import forget, report_in, withdraw

__all__ = ["appoint", "confirm", "end", "forget", "reject", "remind", "report_in", "revoke", "withdraw"]
