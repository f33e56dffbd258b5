"""What one request made the service send to its database, and asking the recording process for it."""

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from app.bench import load
from app.bench.load import Request
from app.bench.sites import Site
from app.demo import own_server
from app.demo.telling import Different
from app.process import PARENT

PATH = "/recorded"
READY_SECONDS, LOOK_SECONDS, TAIL = 90.0, 0.1, 3_000


@dataclass(frozen=True, slots=True)
class Sent:
    """One round trip: the statement, the sets of values that were bound to it (none: it was sent as plain text, as BEGIN is), the types of
    the parameters, and what came back. `many`: sent in one go with several sets."""

    statement: str
    bound: tuple[tuple[Any, ...], ...]
    types: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    connection: int
    many: bool = False


@dataclass
class Recording:
    """One request, and all that was sent for it; connections are numbered in the order of their first use."""

    at: datetime
    status: int = 0
    answer: bytes = b""
    sent: list[Sent] = field(default_factory=list)
    connections: dict[int, int] = field(default_factory=dict)

    def add(self, protocol: object, statement: str, bound: Sequence[Sequence[Any]], types: Sequence[str], rows: Any, many: bool) -> None:
        number = self.connections.setdefault(id(protocol), len(self.connections))
        columns = tuple(rows[0].keys()) if rows else ()
        values = tuple(tuple(map(plain, one)) for one in bound)
        self.sent.append(Sent(statement, values, tuple(types), columns, tuple(map(tuple, rows or ())), number, many))


def plain(value: Any) -> Any:
    """Without the enumerations of the service, which the wire does not know either."""
    if isinstance(value, Enum):
        return value.value
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@contextmanager
def service(site: Site) -> Iterator[str]:
    """The recording process beside the service, on the same data; its address. Raises Different when it does not come up."""
    port = own_server.free_port()
    environment = own_server.environment(site.folder, port) | {
        "XINXIN_DATABASE_URL": site.database, "XINXIN_WECHAT_BASE_URL": site.simulator, "XINXIN_DEMO": "0",
    }
    with process("app.bench.recording", port, environment, site.folder / "recording.log") as url:
        yield url


async def taken(url: str, requests: Sequence[Request]) -> list[Recording]:
    """What each of them made it send, in order. Raises Refused for an answer that is not the one it is measured by."""
    bodies = await load.answers(url, [*requests, load.request(url, "GET", PATH, token="")])
    found: list[Recording] = pickle.loads(bodies[-1])
    return found[-len(requests) :]


@contextmanager
def process(module: str, port: int, environment: Mapping[str, str], log: Path, *options: str) -> Iterator[str]:
    """One of ours that serves HTTP on `port`, until the end of the block."""
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as written:
        started = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(port), *options], cwd=own_server.ROOT,
            env={**environment, PARENT: str(os.getpid())}, stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not _listens(port):
            if started.poll() is not None or time.monotonic() > deadline:
                raise Different(f"{module}: {log.read_text(errors='replace')[-TAIL:]}")
            time.sleep(LOOK_SECONDS)
        yield url
    finally:
        started.terminate()
        started.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
