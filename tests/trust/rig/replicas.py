"""Two replicas of the service on one data folder, which share its database, its simulator and its keys; and how they are hurt."""

import itertools
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.service import Service, children, command_of, free_port, lives, until

BACK_SECONDS = 60.0


class Alone(Service):
    """Its API is one process, which is nobody's child of uvicorn's."""

    def api_workers(self) -> list[int]:
        return [self.api()]


class Replica(Alone):
    """One `app.server` beside another on its folder. `settings` are its own, such as an address behind a proxy."""

    def __init__(self, beside: Service, **settings: str) -> None:
        self.workers, self.settings = 1, settings
        self.data = beside.data
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = self.data / f"service-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def _database_stopped(self) -> bool:
        return True  # it is the other's too

    def remove(self) -> None:
        """The folder and the database are the other's to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
        self.process = None


class Site:
    """Two replicas with one API process each. Volleys take it for a service whose port is each replica's in turn."""

    def __init__(self) -> None:
        self.first = Alone(workers=1)
        self.second = Replica(self.first)
        self._turns = itertools.count()

    @property
    def replicas(self) -> list[Service]:
        return [self.first, self.second]

    @property
    def urls(self) -> list[str]:
        return [replica.url for replica in self.replicas]

    @property
    def port(self) -> int:
        return self.replicas[next(self._turns) % 2].port

    def holders(self, ports: Iterable[int]) -> dict[int, int]:
        wanted = list(ports)
        return self.first.holders(wanted) | self.second.holders(wanted)

    def start(self) -> None:
        self.first.start()
        self.second.start()

    def stop(self) -> None:
        assert self.second.stop() == 0
        assert self.first.stop() == 0

    def remove(self) -> None:
        self.second.remove()
        self.first.remove()

    @property
    def data(self) -> Path:
        return self.first.data

    def postmaster(self) -> int:
        """The database server's first process."""
        return int((self.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def two_replicas() -> Iterator[Site]:
    site = Site()
    try:
        site.start()
        yield site
        site.stop()
    finally:
        site.remove()


def kill_api(replica: Service) -> float:
    """kill -9 of a replica's API with all its workers; the moment (monotonic)."""
    api = replica.api()
    family = [api, *(pid for pid in children().get(api, []) if command_of(pid))]
    at = time.monotonic()
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(lives(pid) for pid in family), 10, "the API is gone")
    return at


def back(replica: Service, since: float) -> float:
    """Waits until a replica says that it is ready; the seconds since that moment."""
    until(lambda: ready(replica.url), BACK_SECONDS, f"{replica.url} is ready again")
    return time.monotonic() - since


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready", timeout=2).status_code == 200
    except httpx.TransportError:
        return False
