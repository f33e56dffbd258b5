"""What processes cost, as the kernel counts it: CPU, memory."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
UTIME, AFTER_CSTIME = 11, 15  # of the fields after the name: utime, stime, and both of children that have ended
PARENT = 1


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes: all that a process has, and its share of what several have."""

    rss: float
    pss: float


def _fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, after the name, which may hold anything; none for a process that is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def offspring(root: int) -> list[int]:
    """All processes below this one, parents first."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            children.setdefault(int(fields[PARENT]), []).append(int(entry.name))
    found, open_ends = [], [root]
    while open_ends:
        mine = children.get(open_ends.pop(0), [])
        found += mine
        open_ends += mine
    return found


def running(module: str) -> list[int]:
    """Those below this process that are `python -m module`."""
    return [pid for pid in offspring(os.getpid()) if f"-m {module} " in command(pid) + " "]


def workers(module: str) -> list[int]:
    """Those that serve for `python -m module`, below this process, each once: forked, or spawned by uvicorn with a tracker beside them.
    What is forked has its parent's command, and may have children of its own."""
    below = {pid for parent in running(module) for pid in offspring(parent)}
    return sorted(pid for pid in below if "resource_tracker" not in command(pid))


def seconds(pids: Iterable[int]) -> float:
    """CPU of these and of their children that have ended."""
    return sum(sum(map(int, fields[UTIME:AFTER_CSTIME])) for pid in pids if (fields := _fields(pid))) / TICKS


def database(folder: Path) -> list[int]:
    """The server on that data folder, and its processes."""
    [pid_file] = folder.glob("postgres/data/postmaster.pid")
    postmaster = int(pid_file.read_text().split()[0])
    return [postmaster, *offspring(postmaster)]


def memory(pid: int) -> Memory:
    told = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in told if line.endswith("kB")}
    return Memory(kilobytes["Rss"] / 1024, kilobytes["Pss"] / 1024)
