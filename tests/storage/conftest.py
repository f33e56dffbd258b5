"""A real S3 server on the loopback interface, one for the run."""

import asyncio
import os
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from app.errors import AppError
from app.storage.store import ObjectStore, open_store

WEED = Path(sysconfig.get_path("scripts")) / "weed"
ACCESS, SECRET, BUCKET = "tests-access", "tests/secret+with=signs", "photos"
PORTS = (
    "s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc", "volume.port", "volume.port.grpc", "master.port", "master.port.grpc",
    "admin.port", "admin.port.grpc",
)
START_SECONDS = 30


@pytest.fixture(scope="session")
def s3_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty bucket, as XINXIN_STORAGE_URL names it."""
    folder = tmp_path_factory.mktemp("weed")
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    arguments = [f"-{name}={port}" for name, port in ports.items()]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                str(WEED), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-bucket={BUCKET}", "-admin.ui=false",
                "-webdav=false", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0", *arguments,
            ],
            cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET},
        )
        try:
            yield f"s3://{quote(ACCESS, safe='')}:{quote(SECRET, safe='')}@127.0.0.1:{ports['s3.port']}/{BUCKET}?region=us-east-1"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def free_ports(count: int) -> list[int]:
    """Held all at once, so that they differ."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [held.getsockname()[1] for held in sockets]


@pytest.fixture(scope="session")
async def bucket(s3_url: str) -> AsyncIterator[ObjectStore]:
    store = open_store(s3_url)
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            await store.check()
            break
        except AppError:
            assert time.monotonic() < until, "the S3 server does not start"
            await asyncio.sleep(0.1)
    yield store
    await store.aclose()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    store = open_store(f"file://{quote(str(tmp_path / 'objects'))}")
    yield store
    await store.aclose()


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """Both kinds, one after the other: what holds for a folder holds for a bucket."""
    found: ObjectStore = request.getfixturevalue(request.param)
    return found
