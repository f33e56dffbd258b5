"""Forty ways to write an address that a server must not be led to, listeners at their ends, and an ear for all connections made here."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

REBINDING = "zq-rebinding.test"


def targets(port: int, redirect: int) -> list[str]:
    """`port` is a listener's, `redirect` that of a server which sends everybody on to it."""
    hosts = (
        "127.0.0.1", "localhost", "127.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]", "127.0.0.1.nip.io", "localtest.me", "①②⑦.⓪.⓪.①", "127。0。0。1", "LOCALHOST.", "127.0.0.2",
        "user@127.0.0.1", "example.com@127.0.0.1", "127.0.0.1#@example.com", REBINDING,
    )
    at_port = [f"http://{host}:{port}/" for host in hosts]
    away = [
        "http://169.254.169.254/latest/meta-data/", "http://[fe80::1]/", "http://metadata.tencentyun.com/latest/", "http://100.100.100.200/",
        "http://metadata.google.internal/", "http://10.0.0.1/", "http://192.168.1.1/", "http://172.16.0.1/",
        f"http://127.0.0.1:{redirect}/302", f"http://127.0.0.1:{redirect}/307", "file:///etc/passwd", "file://localhost/etc/passwd",
        f"gopher://127.0.0.1:{port}/_x", f"ftp://127.0.0.1:{port}/", f"dict://127.0.0.1:{port}/", f"//127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}/x.png", f"data:text/html,<img src=http://127.0.0.1:{port}/>",
    ]
    return at_port + away


@dataclass
class Listener:
    """Counts who comes. `away`: where it sends them."""

    away: str = ""
    port: int = 0
    heard: list[str] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        self.heard.append(line.decode(errors="replace").strip())
        status = "307 Temporary Redirect" if b"307" in line else "302 Found"
        head = f"HTTP/1.1 {status}\r\nLocation: {self.away}\r\n" if self.away else "HTTP/1.1 200 OK\r\n"
        writer.write(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def listening(away: str = "") -> AsyncIterator[Listener]:
    listener = Listener(away)
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


@dataclass
class Ear:
    """Which addresses and names this process asks for while it listens. `known` are the database's and the simulator's."""

    known: tuple[str, ...]
    on: bool = False
    heard: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        sys.addaudithook(self._hear)  # it stays for as long as the process; off, it hears nothing

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on or event not in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
            return
        place = str(arguments[1] if event == "socket.connect" else arguments[:2])
        if not any(known in place for known in self.known):
            self.heard.append(f"{event} {place}")

    def __enter__(self) -> "Ear":
        self.on = True
        return self

    def __exit__(self, *_error: object) -> None:
        self.on = False
