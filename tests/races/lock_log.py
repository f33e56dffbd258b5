"""What the database of a service has written about waits for locks. A server that logs them (`log_lock_waits`) says after a second
(`deadlock_timeout`) that somebody still waits, and in the end for how long it was.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tests.support.service import Service

SECOND = 1_000.0
WAITED = re.compile(r"(?:still waiting for|acquired) .* after ([0-9.]+) ms")
LEAST_SHARE = 0.1


def nobody_waited(log: Sequence[str], most_ms: float) -> None:
    """No wait for a lock of this length or longer, and no deadlock."""
    waits = [line for line in log if (found := WAITED.search(line)) and float(found.group(1)) >= most_ms]
    assert not waits and not any("deadlock detected" in line for line in log), waits


class LockLog:
    """The log since `begin`. A second is one of a machine that does nothing else: while others use half of it, it lasts two."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.begin()

    def begin(self) -> None:
        self.begins = self.service.database_log.stat().st_size
        self.whole, self.idle, self.own = *machine(), self._own()

    @property
    def lines(self) -> list[str]:
        return self.service.logged(self.begins)

    def judge(self) -> None:
        nobody_waited(self.lines, SECOND / self.share)

    @property
    def share(self) -> float:
        """What of the machine was there for the service, for its database and for these tests."""
        whole, idle = machine()
        others = (whole - self.whole) - (idle - self.idle) - (self._own() - self.own)
        return min(1.0, max(LEAST_SHARE, 1 - others / max(1, whole - self.whole)))

    def _own(self) -> int:
        return sum(worked(pid) for pid in {os.getpid(), *self.service.processes()})


def machine() -> tuple[int, int]:
    """Ticks of all processors, and how many of them were idle."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def worked(pid: int) -> int:
    """Ticks of a process and of its children that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15])
