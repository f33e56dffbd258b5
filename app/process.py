"""What the processes of one service do for each other: end with their parent, stop on a signal, start again when they die."""

import asyncio
import ctypes
import fcntl
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.observability import get_logger

log = get_logger(__name__)

PR_SET_PDEATHSIG = 1
M_MMAP_THRESHOLD, LARGE_BYTES = -3, 128 * 1024  # malloc.h's number; the threshold that the C library begins with
PARENT = "XINXIN_PARENT_PID"
PREPARING = "preparing.lock"
FIGURES = "PROMETHEUS_MULTIPROC_DIR"
GRACE_SECONDS = 14.0  # requests in flight have ten of these, jobs six
CRASHES, CRASH_WINDOW = 5, 20.0  # a child that dies so often in so many seconds is not started again
PAUSES = (0.0, 0.5, 1.0, 2.0)  # before the first start again, the second …: what stood in the way may go by itself


def end_with_parent(parent: int | None = None, *, order: signal.Signals = signal.SIGTERM) -> None:
    """Asks the kernel for `order` when the parent process ends, kill -9 included: no process may be left holding the port.

    Whose child this is was written down when it was started (by `Child`, or by multiprocessing): a parent that died while the child
    still loaded its code is noticed by that. A fork says its `parent`. A process that nobody of ours started is left alone.
    """
    if parent is None:
        started_by = multiprocessing.parent_process()
        parent = started_by.pid if started_by is not None else int(os.environ.get(PARENT, "0"))
    if not parent:
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, order.value, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the process that started this one is gone")


def give_back_what_is_large() -> None:
    """Has the C library return the memory of a photo to the system when it is free. By itself it learns from the first megabytes that come
    and go to keep such pieces, in a heap for each thread: after 80 uploads a process held 128 MB more than before, so 20 (measured)."""
    ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


@contextmanager
def sharing_figures() -> Iterator[None]:
    """Gives the processes that are started in the block a folder for their figures, where whoever started this one has not: otherwise
    /metrics would tell those of whichever process happens to answer."""
    if FIGURES in os.environ:
        yield
        return
    os.environ[FIGURES] = folder = tempfile.mkdtemp(prefix="xinxin-metrics-")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stopped_by_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, for the running loop."""
    stop = asyncio.Event()
    for order in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(order, stop.set)
    return stop


@contextmanager
def preparing(data_dir: Path) -> Iterator[None]:
    """While the block runs, whoever calls `prepared` on the same folder waits, having loaded its code meanwhile. Ends with this process."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / PREPARING).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def prepared(data_dir: Path) -> None:
    """Returns once nobody prepares the service any more; at once where nobody does."""

    def wait() -> None:
        try:
            with (data_dir / PREPARING).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH)
        except FileNotFoundError:
            return

    await asyncio.to_thread(wait)


@dataclass
class Child:
    """One process of the service, started again whenever it ends by itself."""

    name: str
    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    starts: list[float] = field(default_factory=list)
    again_at: float | None = None

    def start(self) -> None:
        self.again_at = None
        self.starts.append(time.monotonic())
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, *self.arguments], stdin=subprocess.DEVNULL,
            env={**self.environment, PARENT: str(os.getpid())},
        )

    def ended(self) -> int | None:
        return None if self.process is None else self.process.poll()

    def mend(self) -> None:
        """Starts it again if it has ended, after a pause where that happens often; asked every moment.

        Raises SystemExit when it dies again and again: a supervisor above must know.
        """
        code, now = self.ended(), time.monotonic()
        if code is None:
            return
        if self.again_at is None:
            recent = [at for at in self.starts if now - at < CRASH_WINDOW]
            log.error("process.ended", name=self.name, code=code, starts=len(recent))
            if len(recent) >= CRASHES:
                raise SystemExit(f"{self.name} does not stay up (last exit code {code})")
            self.again_at = now + PAUSES[max(0, len(recent) - 1)]
        if now >= self.again_at:
            self.start()

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)


def stop_all(children: Sequence[Child]) -> bool:
    """Asks all to stop, waits for the grace, ends the rest. True when all stopped by themselves."""
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + GRACE_SECONDS
    clean = True
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            clean = False
            log.error("process.killed", name=child.name)
            child.process.kill()
            child.process.wait()
    return clean
