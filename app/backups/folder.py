"""The layout of a folder of backups, what of it is still needed, and whether its log is whole.

`base/STAMP/` holds a base backup, `wal/` the log since the oldest of them, `erasures/` the journal of erasures as of each backup. No keys.
"""

import fcntl
import gzip
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.backups.errors import BackupError

KEPT = timedelta(days=35)
STAMP = "%Y%m%dT%H%M%S.%fZ"
SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{16})\.gz")
SEGMENT_BYTES = 16 * 1024 * 1024
PER_LOG = 0x100000000 // SEGMENT_BYTES
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Base:
    """A finished base backup. `first` is the segment from which on its log is needed."""

    folder: Path
    finished_at: datetime
    first: str

    @property
    def size(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir())


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.wal = self.path / "wal"
        self.erasures = self.path / "erasures"
        self._bases = self.path / "base"

    def make(self) -> None:
        """Passable for the server's account, which writes `wal` only."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.path.chmod(self.path.stat().st_mode & 0o777 | 0o111)
        for folder in (self._bases, self.erasures):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Raises BackupError while another backup is being taken into this folder."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(f"{self.path}: 另一个备份正在进行 / another backup is being taken") from None
            yield

    def draft(self) -> Path:
        """The folder of a backup that is being taken; a killed one's is removed."""
        draft = self._bases / "draft"
        shutil.rmtree(draft, ignore_errors=True)
        return draft

    def keep(self, draft: Path, finished_at: datetime) -> Base:
        place = self._bases / finished_at.astimezone(UTC).strftime(STAMP)
        draft.rename(place)
        return _base(place)

    def bases(self) -> list[Base]:
        """Finished ones, the oldest first."""
        found = sorted(self._bases.iterdir()) if self._bases.is_dir() else []
        return [_base(place) for place in found if place.name != "draft"]

    def base_before(self, moment: datetime | None) -> Base:
        """The newest that was finished by then. Raises BackupError."""
        fit = [base for base in self.bases() if moment is None or base.finished_at <= moment]
        if not fit:
            raise BackupError(f"{self.path}: 没有那个时间之前完成的备份 / holds no backup that was finished by then")
        return fit[-1]

    def segments(self) -> list[str]:
        """Names without `.gz`, in the order of the log."""
        found = [SEGMENT.fullmatch(file.name) for file in self.wal.iterdir()] if self.wal.is_dir() else []
        return sorted((one[1] + one[2] for one in found if one), key=lambda name: (name[8:], name[:8]))

    def needed_by(self, base: Base) -> list[str]:
        return [name for name in self.segments() if name[8:] >= base.first[8:]]

    def journal(self) -> Path | None:
        """The newest copy of the journal of erasures."""
        return max(self.erasures.glob("*.jsonl"), default=None)

    def prune(self, now: datetime) -> int:
        """Removes backups older than is kept (never the newest) and the log that only they needed; how many backups."""
        *older, newest = self.bases()
        over = [base for base in older if base.finished_at < now - KEPT]
        for base in over:
            shutil.rmtree(base.folder)
        oldest = min((base.first[8:] for base in self.bases()), default=newest.first[8:])
        for name in self.segments():
            if name[8:] < oldest:
                (self.wal / f"{name}.gz").unlink()
        for journal in self.erasures.glob("*.jsonl"):
            if journal != self.journal() and datetime.strptime(journal.stem, STAMP).replace(tzinfo=UTC) < now - KEPT:
                journal.unlink()
        return len(over)


def require_whole(names: list[str], base: Base) -> None:
    """Raises BackupError naming the first segment that is missing between the base backup and the newest one."""
    numbers = {_number(name) for name in names}
    wanted = range(_number(base.first), max(numbers, default=_number(base.first)) + 1)
    for number in wanted:
        if number not in numbers:
            name = f"{number // PER_LOG:08X}{number % PER_LOG:08X}"
            raise BackupError(f"日志缺段 / the log lacks the segment {name}: nothing after it can be restored")


def require_sound(segment: Path) -> None:
    """Raises BackupError for one that cannot be unpacked to its full length: the server would take it for the end of the log."""
    length = 0
    try:
        with gzip.open(segment) as content:
            while read := content.read(CHUNK):
                length += len(read)
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"{segment}: 已损坏 / is damaged ({type(error).__name__})") from None
    if length != SEGMENT_BYTES:
        raise BackupError(f"{segment}: 不完整 / is not whole ({length} bytes)")


def _number(name: str) -> int:
    return int(name[8:16], 16) * PER_LOG + int(name[16:24], 16)


def _base(place: Path) -> Base:
    """Raises BackupError when it has no readable manifest."""
    try:
        ranges = json.loads((place / "backup_manifest").read_text())["WAL-Ranges"]
        high, low = (int(part, 16) for part in ranges[0]["Start-LSN"].split("/"))
        first = f"{ranges[0]['Timeline']:08X}{high:08X}{low // SEGMENT_BYTES:08X}"
        return Base(place, datetime.strptime(place.name, STAMP).replace(tzinfo=UTC), first)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BackupError(f"{place}: 不是完整的备份 / is no complete backup ({type(error).__name__})") from None
