"""Noting what went well."""

from datetime import datetime

from app.backups.models import BackupKind, BackupRun
from app.db.session import AsyncSession


async def note(session: AsyncSession, kind: BackupKind, *, base_finished_at: datetime, size: int, seconds: float) -> None:
    session.add(BackupRun(kind=kind, base_finished_at=base_finished_at, bytes=size, seconds=seconds))
    await session.flush()
