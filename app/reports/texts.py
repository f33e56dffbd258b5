"""The sealed sentences of a report."""

from app.db.session import AsyncSession
from app.reports.models import Report
from app.security import sealing

TABLE = "report"


def seal(session: AsyncSession, report: Report, *, description: str, address: str | None) -> None:
    report.description_sealed = sealing.seal(session, description, table=TABLE, column="description", row=report.id)
    if address is not None:
        report.address_sealed = sealing.seal(session, address, table=TABLE, column="address", row=report.id)


def description(session: AsyncSession, report: Report) -> str | None:
    """None once it was erased."""
    sealed = report.description_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="description", row=report.id)


def address(session: AsyncSession, report: Report) -> str | None:
    sealed = report.address_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="address", row=report.id)
