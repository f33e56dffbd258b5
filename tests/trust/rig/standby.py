"""PostgreSQL servers of the administrator's kind: on TCP ports, a primary and a standby that streams; and a service that uses them."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import asyncpg

from app.db.embedded import binaries
from app.db.embedded.account import Account, choose
from tests.support.service import ROOT, Service, descendants, free_port, lives, until

START_SECONDS = 60.0
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
SETTINGS = {
    "listen_addresses": "127.0.0.1", "fsync": "on", "synchronous_commit": "on", "max_connections": "120", "shared_buffers": "64MB",
    "wal_sender_timeout": "60s", "logging_collector": "off", "timezone": "UTC",
}


class Server:
    """One cluster below a folder of its own; a child of this process, ended by its pid."""

    def __init__(self, folder: Path, account: Account, programs: binaries.Binaries) -> None:
        self.folder, self.account, self.programs = folder, account, programs
        self.data, self.port = folder / "data", free_port()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o700)
        account.give(folder)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, database: str = "xinxin") -> str:
        return f"postgresql://postgres@{self.address}/{database}"

    def run(self, program: str, *arguments: str | Path) -> None:
        told = subprocess.run(
            [self.programs[program], *arguments], cwd="/", env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=120, **self.account.identity,
        )
        assert told.returncode == 0, told.stderr + told.stdout

    def make(self, *more: str) -> None:
        self.run(
            "initdb", "-D", self.data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums",
            *more,
        )

    def copy_of(self, primary: "Server") -> None:
        self.run("pg_basebackup", "-d", primary.url("postgres"), "-D", self.data, "-X", "stream", "-R", "--checkpoint=fast")

    def start(self, **settings: str) -> None:
        chosen = SETTINGS | {"port": str(self.port), "unix_socket_directories": str(self.folder)} | settings
        arguments = [argument for name, value in chosen.items() for argument in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs["postgres"], "-D", self.data, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env=ENVIRONMENT, start_new_session=True, **self.account.identity,
            )
        until(self._answers, START_SECONDS, f"{self.address} answers")

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text(errors="replace")[-2000:])
        told = subprocess.run(
            [self.programs["pg_isready"], "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False, cwd="/", env=ENVIRONMENT
        )
        return told.returncode == 0

    def kill(self) -> None:
        """kill -9 of the postmaster and of all its children, frozen ones too."""
        assert self.process is not None
        everyone = descendants({self.process.pid})
        for pid in everyone:
            with suppress(ProcessLookupError):  # it has noticed that its postmaster is gone
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        until(lambda: not any(lives(pid) for pid in everyone), 10, "all killed")
        self.process = None

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def asked(self, statement: str, *values: Any, database: str = "postgres") -> Any:
        """The first value; in a thread of its own, since the caller's may have a loop."""

        async def ask() -> Any:
            connection = await asyncpg.connect(self.url(database), timeout=10)
            try:
                return await connection.fetchval(statement, *values)
            finally:
                connection.terminate()

        with ThreadPoolExecutor(1) as alone:
            return alone.submit(lambda: asyncio.run(ask())).result(30)

    def freeze_sender(self, seconds: float) -> None:
        """What is sent to the standby stands still for so long; the primary goes on."""
        pid = self.asked("select pid from pg_stat_replication limit 1")
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)


class Pair:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        account = choose(folder / "nothing")
        programs = binaries.usable(binaries.find(), account, folder / "binaries")
        self.first, self.second = (Server(folder / name, account, programs) for name in ("first", "second"))

    @property
    def url(self) -> str:
        return f"postgresql://postgres@{self.first.address},{self.second.address}/xinxin"

    def start(self, *, synchronous: bool) -> None:
        """`synchronous_standby_names` is in the copy too, as it is whoever copies a primary that has it."""
        self.first.make()
        self.first.start()
        self.first.asked("create database xinxin")
        if synchronous:
            self.first.asked("alter system set synchronous_standby_names = '*'")
            self.first.asked("select pg_reload_conf()")
        self.second.copy_of(self.first)
        self.second.start()
        wanted = "sync" if synchronous else "async"
        state = "select max(sync_state) from pg_stat_replication where state = 'streaming'"
        until(lambda: self.first.asked(state) == wanted, 30, "streaming")

    def stop(self) -> None:
        for server in (self.first, self.second):
            server.stop()


@contextmanager
def pair(*, synchronous: bool = True) -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="xinxin-pair-"))
    folder.chmod(0o711)
    made = Pair(folder)
    try:
        made.start(synchronous=synchronous)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Client(Service):
    """The service on a database that others run."""

    def __init__(self, url: str, workers: int = 1, **settings: str) -> None:
        super().__init__(workers, **settings)
        self.given = url

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if error[0] is None:
                assert self.stop() == 0
        finally:
            self.remove()

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"XINXIN_DATABASE_URL": self.given, "XINXIN_METRICS_TOKEN": "metrics-token-for-tests"}

    @property
    def database_url(self) -> str:
        return self.given

    def promote(self, server: Server) -> None:
        """`scripts/manage promote`, as an operator runs it."""
        told = subprocess.run(
            [ROOT / "scripts" / "manage", "promote", server.url()], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=90, check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
