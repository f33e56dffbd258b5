"""A TCP link that can be made bad: it stands between two processes on this machine, in a thread of its own, and counts what passes.

`with Proxy("127.0.0.1:5432") as link: link.fault = Fault(latency=0.2)`. The fault holds for what passes from then on, on links that
stand already too; `link.fault = Fault()` ends it.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Self

CHUNK = 65_536
LOOK = 0.01
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: whatever is not sent is thrown away, and the other side hears RST


@dataclass(frozen=True)
class Fault:
    """What is done to what passes. `up` is from the client to the server, `down` the answers; both, where it is not said.

    `swallow` keeps everything back until it ends, as a network does that sends again; `cut_after` closes after so many bytes of a
    direction, with `reset` by RST; `lose_answer` lets a request through, waits for the answer, and cuts instead of handing it on;
    `refuse` listens no more; `replaced` exchanges bytes by as many others.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: int | None = None  # bytes a second
    piece: int | None = None  # bytes that go out at once
    slow_close: float = 0.0
    swallow: bool = False
    cut_after: int | None = None
    reset: bool = False
    lose_answer: bool = False
    refuse: bool = False
    replaced: tuple[bytes, bytes] | None = None
    way: str | None = None

    def bites(self, way: str) -> bool:
        return self.way in (None, way)


GOOD = Fault()


@dataclass(frozen=True)
class Link:
    """One client's connection and ours to the server."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter

    def cut(self, *, reset: bool) -> None:
        for writer in (self.client, self.server):
            if reset:
                with contextlib.suppress(OSError, AttributeError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """`upstream`: `host:port`, or the path of a socket. `counted`: connections, `up` and `down` bytes, and `cut` links."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.counted: Counter[str] = Counter()
        self.port = 0
        self._fault = GOOD
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._loop = asyncio.SelectorEventLoop()  # it sends at once what is written; with uvloop a cut would lose that
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {upstream}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        self._do(self._deaf() if fault.refuse else self._listen())

    def cut_all(self, *, reset: bool = True) -> None:
        """Every link that stands now."""
        self._do(self._cut_all(reset))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _deaf(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _cut_all(self, reset: bool) -> None:
        for link in list(self._links):
            self._cut(link, reset=reset)

    async def _end(self) -> None:
        await self._deaf()
        await self._cut_all(True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counted["connections"] += 1
        try:
            if self.upstream.startswith("/"):
                back, forth = await asyncio.open_unix_connection(self.upstream)
            else:
                host, _, port = self.upstream.rpartition(":")
                back, forth = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, forth)
        self._links.add(link)
        try:
            await asyncio.gather(self._pump(link, reader, forth, "up"), self._pump(link, back, writer, "down"))
        except OSError:
            link.cut(reset=False)
        finally:
            self._links.discard(link)
            for end in (writer, forth):
                end.close()

    async def _pump(self, link: Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, way: str) -> None:
        passed = 0
        while chunk := await source.read(CHUNK):
            while self._fault.swallow and self._fault.bites(way):  # noqa: ASYNC110 - the fault is changed by another thread
                await asyncio.sleep(LOOK)
            fault = self._fault if self._fault.bites(way) else GOOD
            if fault.lose_answer and way == "down":
                self._cut(link, reset=fault.reset)
                return
            if fault.cut_after is not None and passed + len(chunk) > fault.cut_after:
                await self._send(sink, chunk[: max(0, fault.cut_after - passed)], fault, way)
                self._cut(link, reset=fault.reset)
                return
            await self._send(sink, chunk, fault, way)
            passed += len(chunk)
        if self._fault.slow_close and self._fault.bites(way):
            await asyncio.sleep(self._fault.slow_close)
        with contextlib.suppress(OSError, RuntimeError):
            sink.write_eof()

    async def _send(self, sink: asyncio.StreamWriter, chunk: bytes, fault: Fault, way: str) -> None:
        if fault.replaced is not None:
            chunk = chunk.replace(*fault.replaced)
        if fault.latency or fault.jitter:
            await asyncio.sleep(max(0.0, fault.latency + random.uniform(-fault.jitter, fault.jitter)))
        size = fault.piece or len(chunk) or 1
        for begin in range(0, len(chunk), size):
            piece = chunk[begin : begin + size]
            if fault.bandwidth:
                await asyncio.sleep(len(piece) / fault.bandwidth)
            elif fault.piece:
                await asyncio.sleep(0)
            sink.write(piece)
            await sink.drain()
            self.counted[way] += len(piece)

    def _cut(self, link: Link, *, reset: bool) -> None:
        self.counted["cut"] += 1
        link.cut(reset=reset)
