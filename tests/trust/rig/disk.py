"""A small disk that can be filled and grown: a tmpfs. Needs root and the right to mount."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MEGABYTE = 1024 * 1024
RESERVE = 64 * 1024


class Disk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """To the last pages, by a file that holds nothing."""
        self._filler.touch()
        free = shutil.disk_usage(self.path).free
        with self._filler.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, max(free - RESERVE, 1))

    def clear(self) -> None:
        self._filler.unlink(missing_ok=True)

    def grow(self, megabytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", self.path], check=True, timeout=10)


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """Skips the test where it cannot be mounted: not run, never passed."""
    path = Path(tempfile.mkdtemp(prefix="xinxin-disk-"))
    try:
        told = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "xinxin-disk", path],
            capture_output=True, text=True, check=False, timeout=10,
        )
        if told.returncode:
            pytest.skip(f"a tmpfs cannot be mounted here: {told.stderr.strip()}")
        try:
            yield Disk(path)
        finally:
            subprocess.run(["umount", "-l", path], check=False, timeout=10)
    finally:
        path.rmdir()
