"""Every change of covers, assignments and visits, split by use case. Lock order: organisation or enterprise, own row, grant."""

from app.coverage.service.assigning import assign, end_assignment
from app.coverage.service.covering import cover, end_cover
from app.coverage.service.erasing import forget
from app.coverage.service.visiting import log_visit

__all__ = ["assign", "cover", "end_assignment", "end_cover", "forget", "log_visit"]
