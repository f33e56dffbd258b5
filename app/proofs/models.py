"""The table of proofs."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table


class ReportProof(Table, table=True):
    """What an employer may read of one report: when and roughly where its reporter stopped. Fixed when it is first asked for.

    The code is sealed; its keyed index is UNIQUE and finds it. Whether the proof holds, the report's state and the clock say.
    """

    __tablename__ = "report_proof"
    __table_args__ = (
        sa.UniqueConstraint("report_id"),
        sa.UniqueConstraint("code_index"),
        sa.CheckConstraint("valid_until > stopped_at", name="span"),
        sa.Index(None, "created_at"),
    )

    report_id: UUID = Field(foreign_key="report.id")
    code_sealed: bytes
    code_index: bytes
    stopped_at: datetime
    lng: float
    lat: float
    area_id: UUID = Field(foreign_key="area.id")
    valid_until: datetime
