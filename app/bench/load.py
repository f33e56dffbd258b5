"""A load generator that costs little beside what it measures: HTTP/1.1 over kept connections, written and read by hand.

httpx takes about a millisecond of CPU a call, more than some of the operations.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Refused(Exception):
    """An answer that is not the one an operation is measured by. The message says which."""


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes as they go over the wire, and the status that counts as done."""

    wire: bytes
    status: int


def request(
    url: str, method: str, path: str, *, token: str, body: Any = None, key: str | None = None, status: int = 200,
    content: tuple[str, bytes] | None = None,
) -> Request:
    """`content` is a type and bytes instead of a JSON body."""
    kind, sent = content or ("application/json", b"" if body is None else json.dumps(body).encode())
    head = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}", "Connection: keep-alive", f"Authorization: Bearer {token}"]
    if key is not None:
        head.append(f"Idempotency-Key: {key}")
    if sent:
        head += [f"Content-Type: {kind}", f"Content-Length: {len(sent)}"]
    return Request("\r\n".join(head).encode() + END + sent, status)


@dataclass
class Load:
    """What was measured: milliseconds of each answer, and how long it all took."""

    times: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.times) / self.seconds

    def at(self, share: float) -> float:
        """A percentile, such as 0.5 for the median."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def drive(url: str, requests: Iterator[Request], *, connections: int, seconds: float) -> Load:
    """Sends one request after the other on each connection, until the time is over or there are none left. Raises Refused."""
    load, began = Load(), time.monotonic()
    until = began + seconds
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_one(url, requests, load, until))
    load.seconds = time.monotonic() - began
    return load


async def answers(url: str, requests: Sequence[Request]) -> list[bytes]:
    """The bodies, in order, over one connection. Raises Refused."""
    reader, writer = await _connect(url)
    try:
        return [await _exchange(reader, writer, one) for one in requests]
    finally:
        writer.close()


async def _one(url: str, requests: Iterator[Request], load: Load, until: float) -> None:
    reader, writer = await _connect(url)
    try:
        for one in requests:
            began = time.perf_counter()
            await _exchange(reader, writer, one)
            load.times.append((time.perf_counter() - began) * 1_000)
            if time.monotonic() > until:
                return
    finally:
        writer.close()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    place = urlsplit(url)
    return await asyncio.open_connection(place.hostname, place.port, limit=1 << 22)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: Request) -> bytes:
    writer.write(sent.wire)
    head = await reader.readuntil(END)
    body = await reader.readexactly(_length(head))
    if int(head[9:12]) != sent.status:
        line = sent.wire.split(b"\r\n", 1)[0].decode()
        raise Refused(f"{line}: {head[9:12].decode()} {body[:300].decode(errors='replace')}")
    return body


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(LENGTH):
            return int(line[len(LENGTH) :])
    return 0
