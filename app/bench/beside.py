"""Processes beside the service, on the same data: the one that records, and whatever else is measured."""

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.bench import load
from app.bench.load import Request
from app.bench.recorded import PATH, Recording
from app.bench.sites import Site
from app.demo import own_server
from app.demo.telling import Different
from app.process import PARENT

READY_SECONDS, LOOK_SECONDS, TAIL = 90.0, 0.1, 3_000


@contextmanager
def recording(site: Site) -> Iterator[str]:
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
