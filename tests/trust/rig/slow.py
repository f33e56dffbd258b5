"""Clients that are slow on purpose, a byte every two seconds, and clients as they should be, at a steady rate; what became of each."""

import asyncio
import contextlib
import socket
import ssl
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import httpx

EVERY_SECONDS = 2.0
APART_SECONDS = 0.02
FIRST = {
    "head": b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ",
    "body": b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n{",
    "read": b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 8,
}
NEXT = {"head": b"a", "body": b" ", "read": b"\r\n"}


@dataclass(frozen=True)
class Where:
    """`authority`: the file of the certificate that vouches for it, where it speaks TLS."""

    port: int
    authority: Path | None = None

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context(cafile=self.authority) if self.authority else None

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"


async def until_cut(where: Where, kind: str, seconds: float) -> float | None:
    """The seconds after which a slow client found its connection ended; None when it was still there."""
    loop = asyncio.get_running_loop()
    line = socket.socket()
    line.setblocking(False)
    if kind == "read":
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await loop.sock_connect(line, ("127.0.0.1", where.port))
    started = time.monotonic()
    writer = None
    try:
        reader, writer = await asyncio.open_connection(
            sock=line, ssl=where.context, server_hostname="127.0.0.1" if where.context else None, limit=256
        )
        writer.write(FIRST[kind])
        while time.monotonic() - started < seconds:
            if await _ended(reader, kind):
                return time.monotonic() - started
            writer.write(NEXT[kind])
            await writer.drain()
    except OSError:
        return time.monotonic() - started
    finally:
        if writer is not None:
            writer.transport.abort()
        line.close()
    return None


async def _ended(reader: asyncio.StreamReader, kind: str) -> bool:
    """Listens for as long as a slow client waits; a slow reader takes one byte, others all that an answer before the end may say."""
    try:
        async with asyncio.timeout(EVERY_SECONDS):
            if kind == "read":
                await asyncio.sleep(EVERY_SECONDS - 0.1)
                return await reader.read(1) == b""
            while await reader.read(65_536):
                pass
            return True
    except TimeoutError:
        return False


async def crowd(where: Where, kinds: Sequence[str], each: int, seconds: float) -> dict[str, list[float | None]]:
    """So many of each kind, from a process of their own: their handshakes must not hold up whoever measures something else.

    They come within a few seconds, not at once: what is tried is their slowness, not their coming.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        return await asyncio.get_running_loop().run_in_executor(apart, _crowd, where.port, where.authority, kinds, each, seconds)


def _crowd(port: int, authority: Path | None, kinds: Sequence[str], each: int, seconds: float) -> dict[str, list[float | None]]:
    where = Where(port, authority)

    async def one(kind: str, number: int) -> float | None:
        await asyncio.sleep(number * APART_SECONDS)
        return await until_cut(where, kind, seconds)

    async def all_of_them() -> list[list[float | None]]:
        return [await found for found in [asyncio.gather(*(one(kind, number) for number in range(each))) for kind in kinds]]

    return dict(zip(kinds, asyncio.run(all_of_them()), strict=True))


@dataclass
class Load:
    """What ordinary clients saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1]

    @property
    def failed(self) -> int:
        return sum(count for status, count in self.statuses.items() if not status.startswith("2"))


Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


async def steady(where: Where, ask: Ask, *, rate: float, seconds: float, load: Load | None = None) -> Load:
    """So many requests a second, each at its time whether the ones before are answered or not."""
    load = load or Load()
    limits = httpx.Limits(max_connections=400, max_keepalive_connections=40, keepalive_expiry=8)
    async with httpx.AsyncClient(base_url=where.url, verify=where.context or True, timeout=20, limits=limits) as http:

        async def one(number: int) -> None:
            started = time.monotonic()
            try:
                status = str((await ask(http, number)).status_code)
            except httpx.HTTPError as error:
                status = type(error).__name__
            load.seconds.append(time.monotonic() - started)
            load.statuses[status] += 1

        started, tasks = time.monotonic(), []
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
    return load


@contextlib.asynccontextmanager
async def under(where: Where, ask: Ask, *, rate: float):
    """The same for as long as the block lasts."""
    load, done = Load(), asyncio.Event()

    async def go() -> None:
        while not done.is_set():
            await steady(where, ask, rate=rate, seconds=1.0, load=load)

    going = asyncio.create_task(go())
    try:
        yield load
    finally:
        done.set()
        await going
