"""`scripts/server`: one command that brings the whole service up on this machine, watches its processes, and takes it down cleanly.

Database (embedded unless given) → migrations → what must be there before the first request → simulator, API and job worker as processes.
"""

import argparse
import asyncio
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from pydantic import ValidationError

from app import observability
from app.db import standing
from app.db.embedded import EmbeddedServerError, has_data, serve
from app.demo import plan
from app.observability import get_logger
from app.process import Child, preparing, stop_all
from app.settings import Settings, UnsafeSettings

log = get_logger(__name__)

LOOK_SECONDS = 0.2
SIMULATOR_LOOK_SECONDS = 2.0  # between two looks at one that another replica runs
READY_SECONDS = 180.0  # far more than a start takes: a crash is noticed at once, a slow machine is waited for


class Stopped(BaseException):
    """SIGTERM or SIGINT has come. Like KeyboardInterrupt, nothing that handles errors on the way may swallow it."""


def run(settings: Settings, *, host: str, port: int, workers: int) -> int:
    """Serves until SIGTERM or SIGINT; the exit code is 0 when everything stopped by itself."""
    observability.configure("server")
    children: list[Child] = []
    with ExitStack() as stack:
        stack.enter_context(stopping_on_signals())
        try:
            groundwork = Groundwork(settings)
            stack.callback(groundwork.close)
            address = settings.database_url or stack.enter_context(serve(settings.data_dir))
            environment = child_environment(settings, address, port)
            children = _children(settings, environment, host=host, port=port, workers=workers)
            with preparing(settings.data_dir):
                _prepare(children, groundwork, address)
            _announce(children, host, port)
            _watch(children)
        except Stopped:
            return 0 if stop_all(children[::-1]) else 1
        except BaseException:
            stop_all(children[::-1])
            raise
    return 0


def _prepare(children: list[Child], groundwork: "Groundwork", address: str) -> None:
    """Sees to the database while the API loads its code; the job worker comes after."""
    *early, worker = children
    for child in early:
        child.start()
    groundwork.finish(address)
    worker.start()


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Turns the two signals into `Stopped`, raised in the main thread."""

    def stop(number: int, frame: FrameType | None) -> None:
        for order in former:
            signal.signal(order, signal.SIG_IGN)  # a second one must not interrupt the stopping
        raise Stopped

    former = {order: signal.getsignal(order) for order in (signal.SIGTERM, signal.SIGINT)}
    for order in former:
        signal.signal(order, stop)
    try:
        yield
    finally:
        for order, handler in former.items():
            signal.signal(order, handler)


def child_environment(settings: Settings, address: str, port: int) -> dict[str, str]:
    """The environment of the processes: the database's address, the simulator's, and the folder that the workers' metrics share.

    That folder is this replica's own and begins empty: a killed run's figures are not counted again.
    """
    folder = settings.data_dir.resolve() / f"metrics-{port}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = {**os.environ, "XINXIN_DATABASE_URL": address, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    if settings.wechat_base_url is None and not settings.production:
        environment["XINXIN_WECHAT_BASE_URL"] = simulator_url(settings.data_dir)
    return environment


def simulator_url(data_dir: Path) -> str:
    """The simulator's address, the same for every replica on this data folder: chosen once, kept in `wechat.url`."""
    path = data_dir / "wechat.url"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as kept, socket.create_server(("127.0.0.1", 0)) as probe:
            kept.write(f"http://127.0.0.1:{probe.getsockname()[1]}\n")
    except FileExistsError:
        pass
    return path.read_text().strip()


class Groundwork:
    """What a database needs before the service is ready: its schema, and the demo's beginning (the rest of the demo is a job).

    Alembic, every table's code and the demo's take seconds to load, so that is begun as soon as it is known to be needed: at once where
    there is no database yet, else when it has been asked.
    """

    def __init__(self, settings: Settings) -> None:
        self._county = plan.COUNTY_CODE if settings.demo_enabled else None
        self._tools = threading.Thread(target=_load_migrations, daemon=True)
        self._demo: subprocess.Popen[bytes] | None = None
        if settings.database_url is None and not has_data(settings.data_dir):
            self._begin()

    def finish(self, address: str) -> None:
        """Raises SystemExit when the county could not be loaded."""
        if asyncio.run(standing.stands(address, county=self._county)):
            return
        self._begin()
        self._tools.join()
        from app.db import migrate  # loaded by then

        migrate.upgrade(address)
        if self._demo is not None:
            self._demo.communicate(f"{address}\n".encode())
            if self._demo.returncode:
                raise SystemExit("the demo county could not be loaded")

    def close(self) -> None:
        if self._demo is not None and self._demo.poll() is None:
            self._demo.communicate()  # the end of its input is the end of it

    def _begin(self) -> None:
        """The demo's own process waits for a line with the database's address."""
        if self._tools.ident is not None:
            return
        self._tools.start()
        if self._county is not None:
            self._demo = subprocess.Popen([sys.executable, "-m", "app.demo.loading"], stdin=subprocess.PIPE)


def _load_migrations() -> None:
    importlib.import_module("app.db.migrate")
    importlib.import_module("app.tables")


def _children(settings: Settings, environment: dict[str, str], *, host: str, port: int, workers: int) -> list[Child]:
    """In the order in which they start; the job worker, which nobody waits for, is the last."""
    children = [
        Child("api", "app.serving", ["--host", host, "--port", str(port), "--workers", str(workers)], environment),
        Child("worker", "app.worker", [], environment),
    ]
    if settings.wechat_base_url is None and not settings.production:
        children.insert(0, Simulator("simulator", environment["XINXIN_WECHAT_BASE_URL"], environment))
    return children


class Simulator(Child):
    """The simulator that replicas share: whoever finds its address silent starts it there."""

    def __init__(self, name: str, url: str, environment: dict[str, str]) -> None:
        super().__init__(name, "app.wechat.simulator", ["--port", url.rpartition(":")[2]], environment)
        self.url = url
        self._next_look = 0.0

    def start(self) -> None:
        if not answers(f"{self.url}/_simulator/calls", expected=200):
            super().start()

    def mend(self) -> None:
        if self.ended() is not None:
            self.process = None
        if self.process is None and time.monotonic() > self._next_look:
            self._next_look = time.monotonic() + SIMULATOR_LOOK_SECONDS
            self.start()


def answers(url: str, *, expected: int | None = None) -> bool:
    """Does anything answer there (with this status)?"""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return expected in (None, answer.status)
    except urllib.error.HTTPError as error:
        return expected in (None, error.code)
    except OSError:
        return False


def _watch(children: list[Child]) -> None:
    """Until `Stopped`. Raises SystemExit for a process that does not stay up."""
    while True:
        time.sleep(LOOK_SECONDS)
        for child in children:
            child.mend()


def _announce(children: list[Child], host: str, port: int) -> None:
    """Prints `ready http://HOST:PORT` once the service can serve. Raises SystemExit when it cannot be brought up."""
    shown = f"[{host}]" if ":" in host else host
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, shown)
    deadline = time.monotonic() + READY_SECONDS
    while not answers(f"http://{reached}:{port}/health/ready", expected=200):
        api = next(child for child in children if child.name == "api")
        if api.ended() is not None:
            raise SystemExit(f"the API did not start on {shown}:{port}")
        if time.monotonic() > deadline:
            raise SystemExit(f"the service was not ready within {READY_SECONDS:.0f} s")
        time.sleep(0.05)
    sys.stdout.write(f"ready http://{shown}:{port}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/server", description="Starts everything and stays in front until SIGTERM.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="API processes")
    chosen = parser.parse_args()
    try:
        return run(Settings(), host=chosen.host, port=chosen.port, workers=chosen.workers)
    except (EmbeddedServerError, UnsafeSettings, ValidationError) as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
