"""What is still needed of a folder of backups, what is missing or damaged in it, and how old the last good one is."""

import gzip
import json
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import clock
from app.backups import folder as backup_folder
from app.backups import queries, service
from app.backups.errors import BackupError
from app.backups.folder import STAMP, Folder
from app.backups.models import BackupKind
from app.db.embedded import archive
from app.db.embedded.home import Home
from app.db.session import AsyncSession

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def with_base(folder: Folder, age_days: float, segment: int) -> None:
    draft = folder.draft()
    draft.mkdir(parents=True)
    ranges = [{"Timeline": 1, "Start-LSN": f"0/{segment:X}000028", "End-LSN": "0/0"}]
    (draft / "backup_manifest").write_text(json.dumps({"WAL-Ranges": ranges}))
    folder.keep(draft, NOW - timedelta(days=age_days))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "backups")
    made.make()
    made.wal.mkdir()
    for number in range(2, 9):
        (made.wal / f"00000001{number:016X}.gz").write_bytes(b"")
    return made


def test_what_nobody_needs_goes_and_the_newest_always_stays(folder: Folder) -> None:
    for age, segment in ((50, 2), (36, 4), (34, 6)):
        with_base(folder, age, segment)
    for age in (50, 1):
        (folder.erasures / f"{(NOW - timedelta(days=age)).strftime(STAMP)}.jsonl").write_text("")
    assert folder.prune(NOW) == 2
    assert [base.first[-1] for base in folder.bases()] == ["6"]
    assert [name[-1] for name in folder.segments()] == ["6", "7", "8"]
    assert len(list(folder.erasures.iterdir())) == 1
    assert folder.prune(NOW + timedelta(days=400)) == 0 and folder.bases()


def test_a_moment_takes_the_backup_before_it(folder: Folder) -> None:
    for age, segment in ((3, 2), (1, 4)):
        with_base(folder, age, segment)
    assert folder.base_before(None).first[-1] == "4" and folder.base_before(NOW - timedelta(days=2)).first[-1] == "2"
    with pytest.raises(BackupError):
        folder.base_before(NOW - timedelta(days=4))


@pytest.mark.variant("S17")
def test_a_hole_and_a_damaged_segment_are_named(folder: Folder) -> None:
    with_base(folder, 1, 3)
    base = folder.base_before(None)
    backup_folder.require_whole(folder.needed_by(base), base)
    (folder.wal / f"00000001{5:016X}.gz").unlink()
    with pytest.raises(BackupError, match="0000000000000005"):
        backup_folder.require_whole(folder.needed_by(base), base)
    whole = folder.wal / f"00000001{6:016X}.gz"
    whole.write_bytes(gzip.compress(bytes(backup_folder.SEGMENT_BYTES), 1))
    backup_folder.require_sound(whole)
    for damaged in (whole.read_bytes()[:-9], gzip.compress(b"short"), b"\x1f\x8b broken"):
        whole.write_bytes(damaged)
        with pytest.raises(BackupError, match="0000000000000006"):
            backup_folder.require_sound(whole)
    (base.folder / "backup_manifest").write_text("{")
    with pytest.raises(BackupError):
        folder.bases()


def test_a_segment_is_kept_once_and_never_replaced(tmp_path: Path) -> None:
    home, to, segment = Home(tmp_path), tmp_path / "a folder's", tmp_path / "segment"
    home.make()
    to.mkdir()
    segment.write_bytes(b"first")
    command = archive.settings(home)["archive_command"].replace("%p", str(segment)).replace("%f", "NAME")

    def offered() -> int:
        return subprocess.run(shlex.split(command), stderr=subprocess.DEVNULL, check=False).returncode

    assert offered() == 0 and not list(to.iterdir())  # no note: nothing is kept, and the server goes on
    home.archive_note.write_text(f"{to}\n")
    assert [offered(), offered()] == [0, 0]
    segment.write_bytes(b"second")
    assert offered() != 0 and gzip.decompress((to / "NAME.gz").read_bytes()) == b"first"
    home.archive_note.write_text(f"{tmp_path}/unplugged\n")
    assert offered() != 0  # kept and offered again by the server


async def test_the_age_is_that_of_the_last_good_one(session: AsyncSession) -> None:
    assert await queries.state(session) == "none"
    assert (await queries.measured(session))["xinxin_backup_age_seconds"] == float("inf")
    for kind in (BackupKind.BACKUP, BackupKind.RESTORE_DRILL):
        await service.note(session, kind, base_finished_at=clock.now(), size=1, seconds=1.5)
    assert await queries.state(session) == "ok"
    await session.exec(sa.text("update backup_run set created_at = created_at - interval '27 hours' where kind = 'restore_drill'"))
    assert await queries.state(session) == "late"
    assert (await queries.measured(session))["xinxin_restore_drill_age_seconds"] > queries.LATE_SECONDS
