"""The table of what went well with backups, from which their age is told."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class BackupKind(StrEnum):
    BACKUP = "backup"
    RESTORE_DRILL = "restore_drill"  # restored beside the living database, judged, and thrown away
    RESTORE = "restore"  # noted in the restored database itself


class BackupRun(Table, table=True):
    """One that ended well; `created_at` is when. What failed leaves no row: the last good one grows old, and that is the alarm."""

    __tablename__ = "backup_run"
    __table_args__ = (
        sa.CheckConstraint("seconds >= 0 and bytes >= 0", name="figures"),
        sa.Index(None, "kind", "created_at"),
    )

    kind: BackupKind = Field(sa_type=text_enum(BackupKind, "kind"))
    base_finished_at: datetime = Field(description="of the base backup that was taken, or that a restore began with")
    bytes: int = Field(sa_type=sa.BigInteger, description="of the base backup as it is kept")
    seconds: float = Field(description="that the whole of it took")
