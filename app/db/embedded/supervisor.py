"""The process that runs the shared server: started by a replica (`replica.py`), outlives it, ends with the last one.

It is called with the data folder and the programs' folder, its descriptor 3 holds `supervisor.lock`, and its output goes to the log.
"""

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from app.db.embedded import archive, binaries, cluster, handshake
from app.db.embedded.account import choose
from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import DATABASE, SUPERVISOR_LOCK_DESCRIPTOR, Home, try_lock

GRACE = 1.5  # seconds without any replica before the server is stopped: a restart of the only replica finds it running
POLL = 0.1  # seconds
SETTLED = 10.0  # seconds that a server must live for the next restart to be immediate again
LONGEST_PAUSE = 5.0  # seconds between restarts of a server that keeps dying
PR_SET_CHILD_SUBREAPER = 36

logger = logging.getLogger(__name__)


class Supervisor:
    def __init__(self, home: Home, bin_dir: Path) -> None:
        self.home = home
        self.account = choose(home.data)
        self.binaries = binaries.usable(bin_dir, self.account, home.binaries)
        self.socket_folder = home.make_socket_folder(self.account)
        self._asked_to_stop = False
        self._last_replica_lock: int | None = None  # held from the decision to stop until this process has ended
        self._alone_since: float | None = None
        self._ready = self._was_ready = False
        self._pause = 0.0
        self._started_at = time.monotonic()
        self._server = self._start()

    def run(self) -> int:
        """Returns the exit status: 0 after a stop, 1 if the server ended before it was ever ready."""
        while not (self._asked_to_stop or self._abandoned()):
            if self._server.poll() is not None:
                if not self._was_ready:
                    return 1
                self._restart()
            elif not self._ready:
                self._look()
            time.sleep(POLL if self._ready else next(self._patience))
        logger.info("stopping the server: %s", "asked to" if self._asked_to_stop else "no replica is left")
        if self._server.poll() is None:
            cluster.stop(self._server)
        return 0

    def stop_soon(self, *_: object) -> None:
        """A signal handler."""
        self._asked_to_stop = True

    def _start(self) -> "subprocess.Popen[bytes]":
        self._started_at = time.monotonic()
        self._patience = handshake.patience()
        settings = cluster.DURABLE | archive.settings(self.home)
        return cluster.start(self.home, self.binaries, self.account, self.socket_folder, settings)

    def _look(self) -> None:
        state = handshake.probe(self.socket_folder, DATABASE)
        if state is handshake.State.NO_DATABASE:
            handshake.create_database(self.socket_folder, DATABASE)
        elif state is handshake.State.READY:
            self._ready = self._was_ready = True

    def _restart(self) -> None:
        """Starts the server again after it died, at once for the first time and then ever more slowly."""
        logger.warning("the server ended with status %s", self._server.returncode)
        settled = time.monotonic() - self._started_at > SETTLED
        self._pause = 0.0 if settled else min(max(2 * self._pause, 0.1), LONGEST_PAUSE)
        self._ready = False
        time.sleep(self._pause)
        end_orphans()
        try:
            self._server = self._start()
        except EmbeddedServerError as error:
            logger.error("%s", error)  # The dead server stays in place, so the next turn tries again.

    def _abandoned(self) -> bool:
        """Whether the data folder was removed, or no replica has held its lock for the grace time. New ones then wait for this to end."""
        if not self._has_home():
            return True
        lock = try_lock(self.home.replicas_lock)
        if lock is None:
            self._alone_since = None
            return False
        now = time.monotonic()
        self._alone_since = self._alone_since or now
        if now - self._alone_since < GRACE:
            os.close(lock)
            return False
        self._last_replica_lock = lock
        return True

    def _has_home(self) -> bool:
        """Whether the lock that this process holds is still the one at the path: else the folder was removed, or made anew."""
        try:
            return os.path.samestat(os.fstat(SUPERVISOR_LOCK_DESCRIPTOR), os.stat(self.home.supervisor_lock))
        except FileNotFoundError:
            return False


def end_orphans() -> None:
    """Ends what a killed server left behind: its processes are handed to this one, and no new server may start while one of them works."""
    with suppress(FileNotFoundError):  # A kernel without this list: they notice by themselves, at the latest after their statement.
        for pid in Path("/proc/thread-self/children").read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)  # it may be stopped or deep in a computation
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main(data_dir: str, bin_dir: str) -> int:
    os.set_inheritable(SUPERVISOR_LOCK_DESCRIPTOR, False)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s supervisor: %(message)s")
    try:
        supervisor = Supervisor(Home(Path(data_dir)), Path(bin_dir))
        signal.signal(signal.SIGTERM, supervisor.stop_soon)
        signal.signal(signal.SIGINT, supervisor.stop_soon)
        return supervisor.run()
    except EmbeddedServerError as error:
        logger.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
