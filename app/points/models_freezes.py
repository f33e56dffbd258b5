"""Where redemption stands still because the books do not balance."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.db.base import Table


class PointsFreeze(Table, table=True):
    """While it is open, nobody orders or verifies in this area and below it. One is open at most for an area and an invariant.

    `count` and `sample` are what the last look found (none: the books are right again, and a person may lift it); `version` moves when
    they change. The sentence of whoever lifts it stands in `points_text`, as its author's.
    """

    __tablename__ = "points_freeze"
    __table_args__ = (
        sa.CheckConstraint("num_nulls(lifted_at, lifted_by, note_id) in (0, 3)", name="lifted_whole"),
        sa.CheckConstraint("count >= 0", name="count"),
        sa.Index(None, "note_id", postgresql_where=sa.text("note_id is not null")),
        sa.Index("uq_points_freeze_open", "area_path", "invariant", unique=True, postgresql_where=sa.text("lifted_at is null")),
    )

    area_path: str
    invariant: str = Field(max_length=8, description="the code of the check in app/invariants")
    count: int
    sample: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text), nullable=False)
    checked_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
    lifted_at: datetime | None = None
    lifted_by: UUID | None = Field(default=None, foreign_key="account.id", index=True)
    note_id: UUID | None = Field(default=None, foreign_key="points_text.id")
    version: int = 1
