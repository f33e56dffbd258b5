"""A process that uses the shared server: it holds a lock as long as it does, and starts a supervisor whenever there is none."""

import fcntl
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db.embedded import binaries, handshake
from app.db.embedded.account import choose
from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import DATABASE, SUPERVISOR_LOCK_DESCRIPTOR, Home, held, replace_file, try_lock, url

WATCH, WATCH_AFTER_FAILURE = 0.5, 5.0  # seconds between two looks for a supervisor that was killed
PACKAGE_ROOT = Path(__file__).resolve().parents[3]

logger = logging.getLogger(__name__)


@contextmanager
def serve(data_dir: Path, *, bin_dir: Path | None = None, patience: float = 120.0) -> Iterator[str]:
    """Joins the server of `data_dir`, starting it if need be, and yields its address; also written to `database.url`.

    The server ends some 2 s after the last process has left this context, in whatever way (kill -9 included). Children of this process
    hold nothing: if workers outlive it, the server does not wait for them. To be entered once, by the process that supervises workers.
    `patience`: seconds for the server to become ready (recovery after a crash included). Raises EmbeddedServerError.
    """
    home = Home(data_dir)
    home.make()
    choose(home.data).require_way_to(home.folder)
    programs = binaries.find(bin_dir)
    deadline = time.monotonic() + patience
    with held(home.replicas_lock, shared=True, patience=patience):
        launcher = Launcher(home, programs)
        address = _wait(home, launcher, deadline)
        replace_file(home.url_file, address + "\n")
        with _watching(launcher):
            yield address


class Launcher:
    def __init__(self, home: Home, bin_dir: Path) -> None:
        self.home = home
        self.bin_dir = bin_dir
        self._child: int | None = None
        self._log_start = 0

    def ensure(self) -> None:
        """Starts a supervisor if there is none. Raises EmbeddedServerError with its last words if the one it started before failed."""
        self._hear_child()
        lock = try_lock(self.home.supervisor_lock)
        if lock is None:
            return
        try:
            self._spawn(lock)
        finally:
            os.close(lock)

    def _spawn(self, lock: int) -> None:
        """The new process inherits the lock itself, so there is no moment at which a second one could start."""
        log = self.home.open_log()
        high_lock = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, 10)  # out of the way of the descriptors that the child is given
        high_log = fcntl.fcntl(log, fcntl.F_DUPFD_CLOEXEC, 10)
        try:
            self._log_start = os.fstat(log).st_size
            self._child = os.posix_spawn(
                sys.executable,
                [sys.executable, "-m", "app.db.embedded.supervisor", str(self.home.data_dir), str(self.bin_dir)],
                {"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_ROOT), "LANG": "C.UTF-8", "TZ": "UTC"},  # no secrets, no preloads
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, high_log, 1),
                    (os.POSIX_SPAWN_DUP2, high_log, 2),
                    (os.POSIX_SPAWN_DUP2, high_lock, SUPERVISOR_LOCK_DESCRIPTOR),
                ],
                setsid=True, setsigmask=[], setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD],
            )
        finally:
            for descriptor in (log, high_lock, high_log):
                os.close(descriptor)

    def _hear_child(self) -> None:
        if self._child is None:
            return
        try:
            pid, status = os.waitpid(self._child, os.WNOHANG)
        except ChildProcessError:
            pid, status = self._child, 0  # someone else in this process waited for it
        if not pid:
            return
        self._child = None
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            with open(self.home.log, "rb") as log:
                log.seek(self._log_start)
                words = log.read()[-2000:].decode(errors="replace").strip()
            raise EmbeddedServerError(f"数据库没有启动,详见 {self.home.log} / the database did not start, see {self.home.log}:\n{words}")


def _wait(home: Home, launcher: Launcher, deadline: float) -> str:
    for pause in handshake.patience():
        launcher.ensure()
        folder = home.socket_folder()
        if folder is not None and handshake.probe(folder, DATABASE) is handshake.State.READY:
            return url(folder, DATABASE)
        if time.monotonic() > deadline:
            break
        time.sleep(pause)
    raise EmbeddedServerError(f"数据库没有及时就绪,详见 {home.log} / the database was not ready in time, see {home.log}")


@contextmanager
def _watching(launcher: Launcher) -> Iterator[None]:
    """Replaces a supervisor that was killed (its server stops with it) for as long as this replica needs one."""
    leaving = threading.Event()

    def watch() -> None:
        pause = WATCH
        while not leaving.wait(pause):
            try:
                launcher.ensure()
                pause = WATCH
            except EmbeddedServerError as error:
                logger.error("embedded database: %s", error)
                pause = WATCH_AFTER_FAILURE

    thread = threading.Thread(target=watch, name="embedded-database", daemon=True)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()
