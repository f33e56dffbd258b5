"""What uvicorn lacks and our protocol adds, over real sockets: deadlines (short ones here), the head's bound, refusals of garbage."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.db.session import Database
from app.errors import MEDIA_TYPE
from app.main import create_app
from app.middleware import protocol
from app.middleware.protocol import DeadlineProtocol
from app.settings import Settings
from tests.support.volley import Answer, parsed

LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/v1/auth/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
LAST = b"\r\nConnection: close\r\n\r\n"
SHORT = 0.3
PATIENCE = 5.0


class Serving:
    def __init__(self, port: int) -> None:
        self.port = port

    async def say(self, *pieces: bytes, pause: float = 0.0) -> list[Answer]:
        """Sends the pieces and reads to the end: the answers in order."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(pause)
                raw = await _rest(reader)
        except ConnectionError:
            raw = await _rest(reader)
        finally:
            writer.close()
        return list(split(raw))


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """All that comes; a reset is an end."""
    heard = b""
    try:
        while piece := await reader.read(65_536):
            heard += piece
    except ConnectionError:
        pass
    return heard


def split(raw: bytes) -> list[Answer]:
    found = []
    while raw:
        head, _, rest = raw.partition(b"\r\n\r\n")
        answer = parsed(head + b"\r\n\r\n")
        length = int(answer.headers.get("content-length", "0"))
        found.append(Answer(answer.status, answer.headers, rest[:length], 0))
        raw = rest[length:]
    return found


async def served(
    kind: type[HttpToolsProtocol], settings: Settings, database: Database, before: Callable[[Any], Any] = lambda app: app,
    made: FastAPI | None = None,
) -> AsyncIterator[Serving]:
    """`before` stands before the application, which is `made` for the occasion unless there is one."""
    app = made or create_app(settings)
    app.state.database = database
    server = uvicorn.Server(
        uvicorn.Config(before(app), host="127.0.0.1", port=0, http=kind, lifespan="off", log_config=None, access_log=False, ws="none")
    )
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield Serving(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = True
    await running


@pytest.fixture
async def serving(settings: Settings, committed: Database) -> AsyncIterator[Serving]:
    async for one in served(DeadlineProtocol, settings, committed):
        yield one


@pytest.fixture
async def hasty(settings: Settings, committed: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Serving]:
    """With deadlines that a test can wait for."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", SHORT)
    monkeypatch.setattr(protocol, "BODY_SECONDS", SHORT)
    async for one in served(DeadlineProtocol, settings, committed):
        yield one


@pytest.fixture
async def plain(settings: Settings, committed: Database) -> AsyncIterator[Serving]:
    """uvicorn as it comes."""
    async for one in served(HttpToolsProtocol, settings, committed):
        yield one


def is_problem(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    told = json.loads(answer.body)
    assert (told["code"], told["status"], told["request_id"]) == (code, status, answer.headers["x-request-id"])


async def cut_after(serving: Serving, first: bytes, drip: bytes) -> float:
    """Seconds until a client that sends a byte now and then is cut; raises TimeoutError when it is not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", serving.port)
    started = time.monotonic()
    writer.write(first)
    ended = asyncio.create_task(_rest(reader))
    try:
        async with asyncio.timeout(6 * SHORT):
            while not ended.done():
                writer.write(drip)
                await asyncio.sleep(SHORT / 6)
        return time.monotonic() - started
    finally:
        ended.cancel()
        writer.close()


@pytest.mark.check("S40", tier="P")
async def test_a_slow_head_is_cut_however_it_drips(hasty: Serving) -> None:
    assert await cut_after(hasty, b"GET / HTTP/1.1\r\nX-Slow: ", b"a") >= SHORT * 0.8
    assert await cut_after(hasty, b"", b"") >= SHORT * 0.8  # says nothing at all


@pytest.mark.check("S40", tier="P")
async def test_a_slow_body_is_cut_however_it_drips(hasty: Serving) -> None:
    assert await cut_after(hasty, POST + b"Content-Length: 1000\r\n\r\n", b" ") >= SHORT * 0.8


async def test_a_kept_connection_is_not_cut_while_it_works(hasty: Serving) -> None:
    """Each request has its own deadline: a connection that is used properly outlives them all."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hasty.port}", limits=httpx.Limits(max_connections=1)) as http:
        for _ in range(6):
            assert (await http.get("/health/live")).status_code == 200
            await asyncio.sleep(SHORT / 3)


@pytest.mark.variant("S40", tier="P")
async def test_plain_uvicorn_never_cuts(plain: Serving) -> None:
    """The known-bad variant of the two above."""
    for first in (b"GET / HTTP/1.1\r\nX-Slow: ", POST + b"Content-Length: 1000\r\n\r\n"):
        with pytest.raises(TimeoutError):
            await cut_after(plain, first, b"a")


@pytest.mark.check("S39", tier="P")
async def test_long_heads_are_refused(serving: Serving) -> None:
    for head in (
        LIVE + b"X-Long: " + b"a" * 20_000 + LAST, LIVE + b"X-A: b\r\n" * 4_000 + LAST[2:], LIVE + b"X-Long: " + b"a" * 200_000,
        b"GET /" + b"a" * 65_000 + b" HTTP/1.1" + LAST, b"GET /?" + b"a=1&" * 5_000 + b" HTTP/1.1" + LAST,
        b"G" * 30_000,
    ):
        (answer,) = await serving.say(head)
        assert answer.status in (400, 431) and (answer.status == 431 or head.startswith(b"GG")), head[:20]
        is_problem(answer, answer.status, "header_too_large" if answer.status == 431 else "bad_request")
    (answer,) = await serving.say(LIVE, b"X-Long: " + b"a" * 12_000, b"a" * 12_000, pause=0.02)
    is_problem(answer, 431, "header_too_large")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\x03\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n",
        b"get / http/1.1\r\n\r\n", POST + b"Content-Length: -1\r\n\r\n", POST + b"Content-Length: 1e3\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}\r\n",
        LIVE + b"X\x00Y: 1\r\n\r\n", LIVE + b"no colon\r\n\r\n", LIVE + b": nameless\r\n\r\n", LIVE + b"A: b\nC: d\rE: f\r\n\r\n",
    ],
)
async def test_garbage_is_a_bad_request(serving: Serving, sent: bytes) -> None:
    (answer,) = await serving.say(sent)
    is_problem(answer, 400, "bad_request")
    assert answer.headers["connection"] == "close"


async def test_pipelined_requests_are_answered_in_order_up_to_the_garbage(serving: Serving) -> None:
    answers = await serving.say(LIVE + b"\r\n" + LIVE + b"X-Request-ID: second-one\r\n\r\n" + LIVE + b"Connection: close\r\n\r\n")
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert answers[1].headers["x-request-id"] == "second-one"
    broken = await serving.say(LIVE + b"\r\n" + b"nonsense\r\n\r\n")
    assert broken[-1].status == 400 and all(answer.status == 200 for answer in broken[:-1])
    is_problem(broken[-1], 400, "bad_request")


@pytest.mark.check("S39", tier="P")
async def test_a_refused_sender_hears_why(serving: Serving) -> None:
    """It is still sending when the answer comes; closing at once would reset the connection and lose the answer."""
    sending = [b"x" * 65_536] * 40
    for first, status in ((POST + b"Connection: close\r\nContent-Length: 90000000\r\n\r\n", 413), (LIVE + b"X: ", 431)):
        (answer,) = await serving.say(first, *sending, pause=0.001)
        assert answer.status == status, first


async def test_an_upgrade_is_not_taken(serving: Serving) -> None:
    upgrade = b"Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
    answers = await serving.say(LIVE + upgrade)
    assert [answer.status for answer in answers] == [200]
