"""Clients that keep a connection for nothing, with deadlines short enough to wait for: each way is cut, and plain uvicorn cuts none."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.db.session import Database
from app.errors import MEDIA_TYPE
from app.main import create_app
from app.middleware import pace, protocol, room
from app.middleware.protocol import DeadlineProtocol
from app.settings import Settings
from tests.faults.test_protocol import LIVE, PATIENCE, POST, SHORT, Serving, is_problem, served, split

UPLOAD = b"POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000000\r\n\r\n"
BIG = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"
FEW, MORE = 6, 16_000_000


@pytest.fixture(scope="module")
def made(settings: Settings) -> FastAPI:
    return create_app(settings)


@pytest.fixture
async def quick(made: FastAPI, settings: Settings, committed: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    for name in ("HEAD_SECONDS", "IDLE_SECONDS"):
        monkeypatch.setattr(protocol, name, SHORT)
    monkeypatch.setattr(pace, "PACE_SECONDS", SHORT)
    async for one in served(DeadlineProtocol, settings, committed, with_much_to_read, made):
        yield one


@pytest.fixture
async def plain(made: FastAPI, settings: Settings, committed: Database) -> AsyncIterator[Serving]:
    async for one in served(HttpToolsProtocol, settings, committed, with_much_to_read, made):
        yield one


def with_much_to_read(app: Any) -> Any:
    """The service, a megabyte at /big, and more than is sent at once at /more."""

    async def both(scope: Any, receive: Any, send: Any) -> None:
        size = {"/big": 1_000_000, "/more": MORE}.get(scope["path"])
        if size is None:
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % size)]})
        await send({"type": "http.response.body", "body": bytes(size)})

    return both


async def blank_lines(serving: Serving, patience: float) -> bool:
    """Asks once, then sends the blank lines that HTTP allows between requests. Is it cut?"""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(LIVE + b"\r\n")
    await reader.readuntil(b"}")
    return await cut(reader, writer, drip=b"\r\n", patience=patience)


async def trickled_upload(serving: Serving, patience: float) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    writer.write(UPLOAD + b"--x\r\n")
    return await cut(reader, writer, drip=b"x", patience=patience)


async def never_reads(serving: Serving, patience: float) -> bool:
    """Asks for much, takes nothing of it. A sender whose connection is cut hears it although it does not read."""
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(line, ("127.0.0.1", serving.port))
        await loop.sock_sendall(line, BIG * 12)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                return True
            try:
                line.send(b"")
                line.send(b"\r\n")
            except BlockingIOError:
                pass
            except ConnectionError:
                return True
            await asyncio.sleep(SHORT / 6)
    return False


async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, drip: bytes, patience: float) -> bool:
    try:
        async with asyncio.timeout(patience):
            while True:
                writer.write(drip)
                await writer.drain()
                heard = await _soon(reader)
                if heard == b"":
                    return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    finally:
        writer.close()


async def _soon(reader: asyncio.StreamReader) -> bytes | None:
    try:
        async with asyncio.timeout(SHORT / 6):
            return await reader.read(65_536)
    except TimeoutError:
        return None


async def test_an_upload_that_is_over_is_waited_for_no_more(quick: Serving) -> None:
    """The next request on its connection has a time of its own: what was begun for the upload must not end it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", quick.port)
    writer.write(UPLOAD.replace(b"9000000", b"5") + b"--x--")
    assert b" 401 " in await reader.readuntil(b"}")
    writer.write(POST + b"Content-Length: 2\r\n\r\n{")
    await asyncio.sleep(2 * SHORT)
    writer.write(b"}")
    assert b" 422 " in await reader.readuntil(b"}")
    await hung_up(writer)


async def test_an_answer_that_is_taken_is_waited_for_no_more(quick: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is sent later is another answer, with a time of its own."""
    monkeypatch.setattr(pace, "PACE_BYTES", 10**9)  # nobody is quick enough: only time counts
    monkeypatch.setattr(pace, "PACE_SECONDS", period := 3 * SHORT)
    monkeypatch.setattr(protocol, "IDLE_SECONDS", PATIENCE)
    reader, writer = await asyncio.open_connection("127.0.0.1", quick.port, limit=256 * 1024)
    for wait in (0.0, 0.5 * period):
        writer.write(b"GET /more HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(wait)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(MORE)
        await asyncio.sleep(0.7 * period - wait)
    await hung_up(writer)


async def hung_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


WAYS = [blank_lines, trickled_upload, never_reads]


@pytest.mark.check("S40", tier="P")
async def test_whoever_keeps_a_connection_for_nothing_is_cut(quick: Serving) -> None:
    assert await asyncio.gather(*(way(quick, 3 * PATIENCE) for way in WAYS)) == [True, True, True]


@pytest.mark.variant("S40", tier="P")
async def test_plain_uvicorn_keeps_them_all(plain: Serving) -> None:
    assert await asyncio.gather(*(way(plain, 5 * SHORT) for way in WAYS)) == [False, False, False]


@pytest.mark.check("S40", tier="P")
async def test_a_full_house_cuts_who_waited_longest_and_serves_the_newest(serving_few: Serving) -> None:
    """Six half heads take all the places; whoever comes after them is served all the same, and so is who comes back."""
    held = [await asyncio.open_connection("127.0.0.1", serving_few.port) for _ in range(FEW)]
    for _, writer in held:
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
    for _ in range(3):
        (answer,) = await serving_few.say(LIVE + b"Connection: close\r\n\r\n")
        assert answer.status == 200
    ended = [await _soon(reader) for reader, _ in held]
    assert ended[0] == b"" and ended[-1] is None, ended
    for _, writer in held:
        writer.close()


@pytest.fixture
async def serving_few(
    made: FastAPI, settings: Settings, committed: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Serving]:
    monkeypatch.setattr(room, "most", lambda: FEW)
    async for one in served(DeadlineProtocol, settings, committed, made=made):
        yield one


@pytest.mark.check("S40", tier="P")
async def test_a_house_full_of_work_says_so_at_once(
    made: FastAPI, settings: Settings, committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody whose request is being worked on is cut: the newest hears 503, before it has said anything."""
    monkeypatch.setattr(room, "most", lambda: FEW)
    begun, done = asyncio.Semaphore(0), asyncio.Event()

    def slow(app: Any) -> Any:
        async def work(scope: Any, receive: Any, send: Any) -> None:
            begun.release()
            await done.wait()
            await app(scope, receive, send)

        return work

    async for serving in served(DeadlineProtocol, settings, committed, slow, made):
        working = [asyncio.create_task(serving.say(LIVE + b"Connection: close\r\n\r\n")) for _ in range(FEW)]
        async with asyncio.timeout(PATIENCE):
            for _ in working:
                await begun.acquire()
        (refused,) = split(await _all_of(serving.port))
        is_problem(refused, 503, "busy")
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        done.set()
        assert [answer.status for answers in await asyncio.gather(*working) for answer in answers] == [200] * FEW


async def _all_of(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.check("S39", tier="P")
async def test_a_refused_body_is_not_waited_for(quick: Serving) -> None:
    """The connection was to be kept; it ends with the refusal, so the other gigabyte is for nobody."""
    head = b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n"
    (answer,) = await quick.say(head)
    assert (answer.status, answer.headers["content-type"], answer.headers["connection"]) == (413, MEDIA_TYPE, "close")
    assert json.loads(answer.body)["limit"] == 1_048_576
