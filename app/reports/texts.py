"""The sealed sentences of a report."""

from collections.abc import Iterable
from uuid import UUID

from app.db.session import AsyncSession
from app.reports import search
from app.reports.models import Report
from app.reports.search import Sought
from app.reports.sights import Near, Outline
from app.security import sealing

TABLE, PURPOSE = "report", "report-search"


def sealed(session: AsyncSession, row: UUID, *, description: str, address: str | None) -> dict[str, bytes | None]:
    """The columns of a report that is not written yet."""
    return {
        "description_sealed": sealing.seal(session, description, table=TABLE, column="description", row=row),
        "address_sealed": None if address is None else sealing.seal(session, address, table=TABLE, column="address", row=row),
    }


def seal(session: AsyncSession, report: Report, *, description: str, address: str | None) -> None:
    seal_description(session, report, description)
    seal_address(session, report, address)


def seal_description(session: AsyncSession, report: Report, text: str) -> None:
    report.description_sealed = sealing.seal(session, text, table=TABLE, column="description", row=report.id)


def seal_address(session: AsyncSession, report: Report, text: str | None) -> None:
    report.address_sealed = None if text is None else sealing.seal(session, text, table=TABLE, column="address", row=report.id)


def description(session: AsyncSession, report: Report | Outline | Near) -> str | None:
    """None once it was erased."""
    sealed = report.description_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="description", row=report.id)


def address(session: AsyncSession, report: Report | Outline) -> str | None:
    sealed = report.address_sealed
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column="address", row=report.id)


def grams(session: AsyncSession, report: Report) -> list[int]:
    """What the report is found by. Raises Unsealable."""
    return grams_of(session, (description(session, report), address(session, report)))


def grams_of(session: AsyncSession, texts: Iterable[str | None]) -> list[int]:
    """The same of texts at hand."""
    return sealing.blind_numbers(session, search.pairs(text for text in texts if text is not None), purpose=PURPOSE)


def wanted(session: AsyncSession, sought: Sought) -> list[list[int]]:
    """What the reports that are looked for have among theirs, under each of the keys that may have made it."""
    return sealing.numbers_by_key(session, sought.pairs, purpose=PURPOSE)
