"""Reading proofs: the own one, the one behind a code, those whose time is over."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.proofs import workflow
from app.proofs.models import ReportProof
from app.proofs.workflow import Told
from app.reports import queries_keeping
from app.reports.models import Report
from app.reports.queries import CLOCK
from app.security import sealing

TABLE, COLUMN, INDEX = "report_proof", "code", "report-proof"


async def of_report(session: AsyncSession, *, report_id: UUID) -> Told | None:
    found = await session.exec(_proofs().where(col(ReportProof.report_id) == report_id))
    row = found.first()
    return None if row is None else _told(session, *row)


async def valid(session: AsyncSession, *, code: str) -> Told | None:
    """The proof of a normalised code; None for an unknown one, one that ran out, and one whose report was rejected or withdrawn."""
    indexes = sealing.blind_indexes(session, code, purpose=INDEX)
    await acting.as_service(session, Reason.SCAN)
    found = await session.exec(
        _proofs().join(Report, col(Report.id) == col(ReportProof.report_id)).where(
            col(ReportProof.code_index).in_(indexes), col(ReportProof.valid_until) > CLOCK,
            col(Report.status).not_in(workflow.NO_PROOF),
        )
    )
    row = found.first()
    return None if row is None else _told(session, *row)


def outlived(days: int) -> sa.Select[*tuple[Any, ...]]:
    """For retention: (id, number, since) of what was made so long ago."""
    made = col(ReportProof.created_at)
    return (
        sa.select(col(ReportProof.id), col(Report.number), made.label("since"))
        .join(Report, col(Report.id) == col(ReportProof.report_id))
        .where(made < queries_keeping.before(days))
    )


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """The person's proofs, without the codes."""
    found = await session.exec(
        sa.select(ReportProof, col(Report.number)).join(Report, col(Report.id) == col(ReportProof.report_id))
        .where(col(Report.member_id) == member_id).order_by(col(ReportProof.id))
    )
    return {
        "proofs": [
            {
                "report": number, "stopped_at": proof.stopped_at.isoformat(), "lng": proof.lng, "lat": proof.lat,
                "issued_at": proof.created_at.isoformat(), "valid_until": proof.valid_until.isoformat(),
            }
            for proof, number in found.all()
        ]
    }


def _proofs() -> sa.Select[*tuple[Any, ...]]:
    return sa.select(ReportProof, col(Area.name)).join(Area, col(Area.id) == col(ReportProof.area_id))


def _told(session: AsyncSession, proof: ReportProof, area_name: str) -> Told:
    code = sealing.unseal(session, proof.code_sealed, table=TABLE, column=COLUMN, row=proof.id)
    return Told(
        code, proof.stopped_at, proof.lng, proof.lat, proof.area_id, area_name, issued_at=proof.created_at, valid_until=proof.valid_until
    )
