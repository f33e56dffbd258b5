"""How old the last good backup and the last good restore are, and whether the log gets into its archive."""

import math
from collections.abc import Mapping

import sqlalchemy as sa
from sqlmodel import col

from app.backups.models import BackupKind, BackupRun
from app.db.session import AsyncSession

LATE_SECONDS = 26 * 3600.0  # both are of every day, and may take two hours more than the day before
AGE = sa.func.extract("epoch", sa.func.clock_timestamp() - sa.func.max(col(BackupRun.created_at))).cast(sa.Float)
ARCHIVE = sa.text("select coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) from pg_stat_archiver")


async def ages(session: AsyncSession) -> dict[str, float]:
    """Seconds since the last good one by kind; a kind without any is not there."""
    found = await session.exec(sa.select(col(BackupRun.kind), AGE).group_by(col(BackupRun.kind)))
    return {str(kind): float(age) for kind, age in found.all()}


async def state(session: AsyncSession) -> str:
    """In a word: `none` was ever taken here, `late`, or `ok`."""
    found = await ages(session)
    if BackupKind.BACKUP not in found:
        return "none"
    late = any(found.get(kind, math.inf) > LATE_SECONDS for kind in (BackupKind.BACKUP, BackupKind.RESTORE_DRILL))
    return "late" if late else "ok"


async def measured(session: AsyncSession) -> Mapping[str, float]:
    """More than 26 hours is an alarm, and so is never, which is `inf`."""
    found = await ages(session)
    failing = (await session.exec(ARCHIVE)).scalar_one()
    return {
        "xinxin_backup_age_seconds": found.get(BackupKind.BACKUP, math.inf),
        "xinxin_restore_drill_age_seconds": found.get(BackupKind.RESTORE_DRILL, math.inf),
        "xinxin_wal_archive_failing": float(failing),
    }
