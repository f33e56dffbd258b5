"""The release before this one on the same database and keys, and the steps of migrations between the two."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.service import ROOT, free_port
from tests.trust.rig.replicas import Replica

# The last commit without the migrations that this release brings, and the schema that it knows.
PREVIOUS, PREVIOUS_SCHEMA = "7e194fe10af9e5bdaddf4bb8afc6ea994d36c1d4", "0063"
# Loads Alembic and the tables first, so that a step costs what the step costs; says how long each took.
MIGRATING = """
import sys, time
import app.tables
from alembic import command
from app.db.migrate import configuration
print("ready", flush=True)
for line in sys.stdin:
    way, revision = line.split()
    began = time.monotonic()
    getattr(command, way)(configuration(sys.argv[1]), revision)
    print(time.monotonic() - began, flush=True)
"""


def tree_of(commit: str, folder: Path) -> Path:
    """The files of a commit. What is checked without its history cannot be checked against it."""
    archive = folder / "release.tar"
    made = subprocess.run(["git", "archive", f"--output={archive}", commit], cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"the release before is not here: {made.stderr.strip()[:100]}")
    root = folder / "release"
    root.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", root], check=True)
    archive.unlink()
    return root


class Release(Replica):
    """One replica of the release whose files lie in `root`, on a database and a data folder that others own."""

    def __init__(self, root: Path, data: Path, database: str) -> None:
        self.workers, self.settings = 1, {"database_url": database}
        self.root, self.data, self.given = root, data, database
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data / f"service-{self.port}.log"
        self.process = None

    @property
    def database_url(self) -> str:
        return self.given


class Migrator:
    """A process that migrates when it is told to."""

    def __init__(self, database: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", MIGRATING, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        assert self._said() == "ready"

    def up(self, revision: str) -> float:
        """The seconds that it took."""
        return self._do("upgrade", revision)

    def down(self, revision: str) -> float:
        return self._do("downgrade", revision)

    def _do(self, way: str, revision: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{way} {revision}\n")
        self.process.stdin.flush()
        return float(self._said())

    def _said(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, f"the migration failed, {self.process.wait(10)}"
        return line


@contextmanager
def migrator(database: str) -> Iterator[Migrator]:
    made = Migrator(database)
    try:
        yield made
    finally:
        made.process.communicate(timeout=60)
