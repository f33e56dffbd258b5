"""A really started service: its own processes, port and data folder; and how it is stopped, killed and looked at from outside.

Everything it is told, it is told over HTTP, by signals, or by the operator's commands; nothing of `app` is imported here.
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 200.0  # two busy cores, an empty data folder
STOP_SECONDS = 40.0
PASSWORD = "correct horse battery staple"
ESTABLISHED = "01"


def until(look: Callable[[], bool], seconds: float, what: str) -> None:
    """Looks again and again, for at most so many seconds."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)


class Service:
    """One `app.server` in a session of its own. Its data folder outlives it, until `remove`. `root`: where its code is."""

    root = ROOT

    def __init__(self, workers: int = 2, **settings: str) -> None:
        """`settings` by their names in lower case, without `xinxin_`."""
        self.workers, self.settings = workers, settings
        self.data = Path(tempfile.mkdtemp(prefix="xinxin-service-"))
        self.data.chmod(0o711)  # the database's account must pass
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.data / "service.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")}
        wanted = {f"XINXIN_{name.upper()}": value for name, value in self.settings.items()}
        return kept | {"XINXIN_DATA_DIR": str(self.data), "XINXIN_DEMO": "0", "XINXIN_ADMIN_PASSWORD": PASSWORD} | wanted

    @property
    def simulator_url(self) -> str:
        return (self.data / "wechat.url").read_text().strip()

    @property
    def database_url(self) -> str:
        return (self.data / "database.url").read_text().strip()

    @property
    def database_log(self) -> Path:
        return self.data / "postgres.log"

    def logged(self, begins: int) -> list[str]:
        """What its database has written since the log was so long."""
        with self.database_log.open("rb") as log:
            log.seek(begins)
            return log.read().decode(errors="replace").splitlines()

    def start(self) -> None:
        """Returns when the service has said that it is ready."""
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.server", "--port", str(self.port), "--workers", str(self.workers)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root, env=self.environment, start_new_session=True,
            )
        until(self._ready, START_SECONDS, f"ready on {self.url}")

    def _ready(self) -> bool:
        said = self.log.read_text(errors="replace")
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the service ended with {self.process.returncode}:\n{said[-4000:]}")
        return f"ready {self.url}\n" in said

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """An operator's command, which finds the database through the same settings."""
        with tempfile.TemporaryFile("w+") as said:  # not a pipe, which whatever the command leaves running would hold open
            ended = subprocess.run(
                [sys.executable, "-m", "app.cli", *arguments], cwd=self.root, env=self.environment, stdin=subprocess.DEVNULL, stdout=said,
                stderr=subprocess.STDOUT, timeout=90, check=False,
            )
            said.seek(0)
            return subprocess.CompletedProcess(ended.args, ended.returncode, said.read(), "")

    def stop(self) -> int:
        """Asks it to stop as a supervisor would, and makes sure that nothing is left; the exit code."""
        assert self.process is not None
        group = self.process.pid
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        until(lambda: not group_lives(group), 5, "no process of its group is left")
        until(self._database_stopped, 30, "the embedded database has stopped")
        self.process = None
        return code

    def kill_all(self) -> None:
        """kill -9 of every process that works on this data folder, the database's included, as a power cut would."""
        everyone = self.processes()
        for pid in everyone:
            _kill(pid)
        if self.process is not None:
            self.process.wait(10)
            self.process = None
        until(lambda: not any(lives(pid) for pid in everyone), 10, "all killed")
        until(self._database_stopped, 10, "the database is gone")

    def remove(self) -> None:
        """What a failed test leaves is ended here: only processes of our own data folder."""
        if self.process is not None or self.processes():
            self.kill_all()
        shutil.rmtree(self.data, ignore_errors=True)

    def processes(self) -> list[int]:
        """The service, the database's supervisor and the server (both name the folder), and all that descends from them."""
        mark = os.fsencode(self.data)
        heads = {pid for pid, command in commands() if mark in command} - {os.getpid()}
        return sorted(descendants(heads | ({self.process.pid} if self.process else set())))

    def api(self) -> int:
        """The process that uvicorn's workers are children of."""
        assert self.process is not None
        return next(pid for pid in children().get(self.process.pid, []) if b"app.serving" in command_of(pid))

    def api_workers(self) -> list[int]:
        return sorted(pid for pid in children().get(self.api(), []) if b"app.serving" in command_of(pid))

    def holders(self, ports: Iterable[int]) -> dict[int, int]:
        """Client port → the API worker that has accepted its connection."""
        wanted, inodes = set(ports), {}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            near, far = (int(end.rpartition(":")[2], 16) for end in fields[1:3])
            if near == self.port and far in wanted and fields[3] == ESTABLISHED and fields[9] != "0":
                inodes[f"socket:[{fields[9]}]"] = far
        held = {}
        for pid in self.api_workers():
            for link in links(pid):
                if link in inodes:
                    held[inodes[link]] = pid
        return held

    def _database_stopped(self) -> bool:
        """The server and its children hold this lock as long as one of them lives."""
        path = self.data / "postgres" / "server.lock"
        if not path.exists():
            return True
        with path.open("rb+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


@contextmanager
def running_service(workers: int = 2, **settings: str) -> Iterator[Service]:
    service = Service(workers, **settings)
    try:
        service.start()
        yield service
        if service.process is not None:
            code = service.stop()
            assert code == 0, service.log.read_text(errors="replace")[-4000:]
    finally:
        service.remove()


_SHARED: dict[str, Service] = {}
_USERS: Counter[str] = Counter()


@contextmanager
def shared_service(name: str = "shared") -> Iterator[Service]:
    """The service of this name that the tests of one pytest process share, whichever folder asks first."""
    if name not in _SHARED:
        started = Service()
        try:
            started.start()
        except BaseException:
            started.remove()
            raise
        _SHARED[name] = started
    _USERS[name] += 1
    try:
        yield _SHARED[name]
    finally:
        _USERS[name] -= 1
        if not _USERS[name]:
            end_shared(name)


def end_shared(name: str) -> None:
    """Where it still runs: whoever knows that nobody will ask for it any more ends it before its last user's fixture does."""
    ended = _SHARED.pop(name, None)
    if ended is None:
        return
    try:
        assert ended.process is None or ended.stop() == 0, ended.log.read_text(errors="replace")[-4000:]
    finally:
        ended.remove()


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """For conftest.py files to import."""
    with shared_service() as running:
        yield running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def lives(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def group_lives(group: int) -> bool:
    for pid in pids():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            return True
    return False


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def commands() -> list[tuple[int, bytes]]:
    return [(pid, command_of(pid)) for pid in pids()]


def children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid in pids():
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(pid)
    return found


def descendants(heads: set[int]) -> set[int]:
    below, found, open_ones = children(), set(heads), list(heads)
    while open_ones:
        for child in below.get(open_ones.pop(), []):
            if child not in found:
                found.add(child)
                open_ones.append(child)
    return {pid for pid in found if lives(pid)}


def links(pid: int) -> list[str]:
    found = []
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                found.append(os.readlink(f"/proc/{pid}/fd/{name}"))
            except OSError:
                continue
    except OSError:
        return []
    return found


def peak_memory(pid: int) -> int:
    """The greatest resident size so far, in bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
