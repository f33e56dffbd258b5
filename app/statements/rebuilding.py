"""Every frozen month again from the ledger, for those who worked there then, compared with what is kept of it and with its files.

    scripts/manage statements --check      exit code 1 and the months that differ when there are any
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession, Database
from app.enterprises.models import Enterprise
from app.export.tables import Format
from app.statements import queries, reading, views, workflow
from app.statements.models import EnterpriseStatement
from app.statements.reading import Shown
from app.statements.workflow import Month

FILES = (Format.CSV, Format.XLSX, Format.PDF)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong with a month: ids and figures, no name of a person."""

    enterprise_id: UUID
    month: date
    what: str

    def __str__(self) -> str:
        return f"{self.enterprise_id} {self.month:%Y-%m}: {self.what}"


async def check(database: Database, *, enterprise_id: UUID | None, files: bool) -> tuple[int, list[str]]:
    """How many months were looked at, and what is wrong, the first first; of all enterprises, or of one."""
    months, wrong = 0, []
    async with database.session() as session:
        async for difference in differences(session, enterprise_id=enterprise_id, files=files):
            months += 1
            wrong += [str(difference)] if difference else []
    return months, wrong


async def differences(
    session: AsyncSession, *, enterprise_id: UUID | None = None, files: bool = True
) -> AsyncIterator[Difference | None]:
    """By enterprise, the oldest month first: what is wrong with each month, None for one that is as it should be.

    A month costs some milliseconds, and with its files most of a second: a PDF is drawn twice.
    """
    wanted = (
        sa.select(EnterpriseStatement, col(Enterprise.created_at))
        .join(Enterprise, col(Enterprise.id) == col(EnterpriseStatement.enterprise_id))
        .order_by(col(EnterpriseStatement.enterprise_id), col(EnterpriseStatement.month))
    )
    if enterprise_id is not None:
        wanted = wanted.where(col(EnterpriseStatement.enterprise_id) == enterprise_id)
    found = await session.exec(wanted)
    latest: dict[UUID, date] = {}
    for row, made_at in found.all():
        expected = workflow.missing(made_at=made_at, latest=latest.get(row.enterprise_id), settled_on=row.month)
        for month in expected:
            yield Difference(row.enterprise_id, month, "the month is missing")
        latest[row.enterprise_id] = row.month
        what = await _difference(session, row, files)
        yield Difference(row.enterprise_id, row.month, what) if what else None


async def _difference(session: AsyncSession, row: EnterpriseStatement, files: bool) -> str | None:
    kept = await queries.frozen(session, row)
    rebuilt = await _rebuilt(session, kept)
    if rebuilt.lines != kept.lines:
        return _first(kept, rebuilt)
    if (row.members, row.points, row.corrections) != (kept.members, kept.points, kept.corrections):
        return "the totals are not the sums of the lines"
    if workflow.digest(rebuilt) != row.digest:
        return "the digest is that of something else"
    return await _files(session, row, kept, rebuilt) if files else None


async def _rebuilt(session: AsyncSession, kept: Month) -> Month:
    """Membership, consents and the instant are those of the freezing; every figure is the ledger's."""
    worked = [line.member_id for line in kept.lines if line.worked]
    listed = [line.member_id for line in kept.lines if line.listed]
    figures = await queries.figures(session, enterprise_id=kept.enterprise_id, first=kept.first, worked=worked)
    return replace(kept, lines=workflow.lines(worked=worked, listed=listed, figures=figures))


def _first(kept: Month, rebuilt: Month) -> str:
    """The first line that is not what the ledger says."""
    ours = {line.member_id: line.figures for line in kept.lines}
    theirs = {line.member_id: line.figures for line in rebuilt.lines}
    member_id = min(one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one))
    return f"member {member_id}: frozen {ours.get(member_id)}, the ledger says {theirs.get(member_id)}"


async def _files(session: AsyncSession, row: EnterpriseStatement, kept: Month, rebuilt: Month) -> str | None:
    names = await queries.names(session, statement_id=row.id)
    shown, again = (Shown(one, True, row.digest, reading.named(one, names)) for one in (kept, rebuilt))
    for format in FILES:
        if views.file(shown, format).body != views.file(again, format).body:
            return f"the {format} file is another"
    return None
