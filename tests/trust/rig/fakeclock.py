"""A replica whose clock is wrong: libfaketime of Debian, told by a file which it reads at every look at the time.

Monotonic time stays true, as it does on a machine whose clock is set: asyncio's timers do not jump.
"""

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.service import ROOT, Service
from tests.trust.rig.replicas import Alone, Replica, Site

LIBRARY = "/usr/lib/*/faketime/libfaketimeMT.so.1"
# What its processes load before anything else. Under libfaketime 0.9.10 the clock_nanosleep of Python 3.11's `sleep` is EINVAL.
SLEEP = "import select\nimport time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
MACHINE_TIME = "import app.clock\napp.clock.follow = lambda *heard: None\n"  # a build that believes its machine


def library() -> Path:
    """Installs it when it is missing and may be installed. A check that cannot have it did not run."""
    found = _found()
    if found is None:
        subprocess.run(["apt-get", "install", "-y", "faketime"], capture_output=True, timeout=300, check=False)
        found = _found()
    if found is None:
        pytest.skip("faketime is not installed and could not be")
    return found


def _found() -> Path | None:
    return next(iter(sorted(Path("/").glob(LIBRARY.lstrip("/")))), None)


class WrongClock(Replica):
    """Its processes begin with the right time. `believing`: they are of the build that follows its machine's clock."""

    def __init__(self, beside: Service, *, believing: bool = False) -> None:
        super().__init__(beside)
        self.told = self.data / f"clock-{self.port}"
        self.library, self.first = library(), self.data / f"first-{self.port}"
        self.right()
        self.first.mkdir()
        (self.first / "sitecustomize.py").write_text(SLEEP + (MACHINE_TIME if believing else ""))

    @property
    def environment(self) -> dict[str, str]:
        faked = {
            "LD_PRELOAD": str(self.library), "FAKETIME_TIMESTAMP_FILE": str(self.told), "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": "UTC", "PYTHONPATH": f"{self.first}:{ROOT}",
        }
        return super().environment | faked

    def right(self) -> None:
        self._tell("+0")

    def shift(self, seconds: int) -> None:
        self._tell(f"{seconds:+d}")

    def freeze(self) -> None:
        """It stands still from now on."""
        self._tell(datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"))

    def _tell(self, words: str) -> None:
        fresh = self.told.with_suffix(".new")
        fresh.write_text(f"{words}\n")
        os.replace(fresh, self.told)


class Unequal(Site):
    """Two replicas; the second one's clock can be set wrong."""

    second: WrongClock

    def __init__(self, *, believing: bool = False) -> None:
        super().__init__()
        self.first = Alone(workers=1)
        self.second = WrongClock(self.first, believing=believing)
