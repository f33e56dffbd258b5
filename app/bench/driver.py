"""The load generator as a process of its own, `python -m app.bench.driver`: a Task comes in on its input, a Load goes out, both pickled.

It is the same for whatever is measured, and its own CPU is small beside it: bytes out, bytes in, a status, a time. It is told of each
measurement, so that what it holds in memory never slows the next.
"""

import asyncio
import pickle
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import uvloop

from app.bench.load import END, LENGTH, Load, Refused, Request

PATIENCE_SECONDS = 60.0
TOLD = 300  # so many bytes of a wrong answer are shown
REFRESH = re.compile(rb'"refresh_token"\s*:\s*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Task:
    """Requests for `connections` lines, until the time is over or none is left.

    `again`: from the beginning when all were sent. `chained`: one request for each line, and each next one is the same with the refresh
    token of the answer in place of its own.
    """

    url: str
    requests: Sequence[Request]
    connections: int
    seconds: float
    again: bool = False
    chained: bool = False


def drive(task: Task) -> Load:
    """Raises Refused for a first answer that is wrong, or when nothing was answered."""
    longest = task.seconds + PATIENCE_SECONDS
    done = subprocess.run([sys.executable, "-m", __name__], input=pickle.dumps(task), stdout=subprocess.PIPE, check=True, timeout=longest)
    found: Load | str = pickle.loads(done.stdout)
    if isinstance(found, str):
        raise Refused(found)
    return found


class Line(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the one before is there."""

    def __init__(self, source: Iterator[Request], until: float, chained: bool) -> None:
        self.source, self.until, self.chained = source, until, chained
        self.times: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._read = b""
        self._awaited = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(Refused(f"{_line(self.sent)}: the connection was closed ({error})"))

    def data_received(self, data: bytes) -> None:
        self._read += data
        if len(self._read) < self._awaited:
            return
        end = self._read.find(END)
        if end < 0:
            return
        self._awaited = end + len(END) + length(self._read[:end])
        if len(self._read) >= self._awaited:
            answer, self._read, self._awaited = self._read, b"", 0
            self._answered(answer, end)

    def _answered(self, answer: bytes, end: int) -> None:
        now = time.perf_counter()
        self.times.append((now - self.began) * 1_000)
        if int(answer[9:12]) != self.sent.status:
            shown = answer[end + len(END) :][:TOLD].decode(errors="replace")
            self._end(Refused(f"{_line(self.sent)}: {answer[9:12].decode()} {shown}"))
        elif now > self.until:
            self._end()
        else:
            self._next(followed(self.sent, answer) if self.chained else None)

    def _next(self, request: Request | None = None) -> None:
        request = request or next(self.source, None)
        if request is None:
            self._end()
        else:
            self.sent, self.began = request, time.perf_counter()
            self.transport.write(request.wire)

    def _end(self, error: Refused | None = None) -> None:
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self.transport.close()


def length(head: bytes) -> int:
    at = head.lower().find(LENGTH)
    return int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def followed(sent: Request, answer: bytes) -> Request:
    """The next request of a chain: the token that was answered, as long as the one that was sent."""
    given, used = REFRESH.search(answer), REFRESH.search(sent.wire)
    assert given is not None and used is not None and len(given[1]) == len(used[1])
    return Request(sent.wire.replace(used[1], given[1]), sent.status)


def _line(sent: Request) -> str:
    return sent.wire.split(b"\r\n", 1)[0].decode()


def _source(task: Task) -> Iterator[Request]:
    while True:
        yield from task.requests
        if not task.again:
            return


async def _driven(task: Task) -> Load:
    loop, source = asyncio.get_running_loop(), _source(task)
    host, _, port = urlsplit(task.url).netloc.partition(":")
    began = time.perf_counter()
    lines = [
        (await loop.create_connection(lambda: Line(source, began + task.seconds, task.chained), host, int(port)))[1]
        for _ in range(task.connections)
    ]
    await asyncio.gather(*(one.done for one in lines))
    return Load([one for line in lines for one in line.times], time.perf_counter() - began)


def main() -> int:
    task: Task = pickle.load(sys.stdin.buffer)
    try:
        found: Load | str = uvloop.run(_driven(task))
    except (Refused, OSError) as reason:
        found = str(reason)
    sys.stdout.buffer.write(pickle.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
