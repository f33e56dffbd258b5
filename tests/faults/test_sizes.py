"""reliability.md S39 over real sockets: what is too large is refused while it is sent, and costs a worker no memory."""

import asyncio
import json

import httpx
import pytest

from tests.support.newcomer import API, visiting
from tests.support.service import Service, peak_memory
from tests.support.volley import Answer, parsed

pytestmark = pytest.mark.check("S39", tier="P")
MEGABYTE = 1_048_576
HUGE = 100 * MEGABYTE
MOST_GROWTH = 32 * MEGABYTE
PIECE = b"x" * 65_536
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'


async def sent(service: Service, path: str, headers: dict[str, str], *, size: int, chunked: bool) -> tuple[Answer, int]:
    """Sends a body of a size until it is all sent or the connection is gone; the answer, and how much was taken."""
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    heard = asyncio.create_task(_all(reader))
    taken = 0
    try:
        async with asyncio.timeout(60):
            writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n{lines}\r\n".encode())
            while taken < size and not heard.done():
                piece = PART.ljust(len(PIECE), b"x") if taken == 0 else PIECE
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
                taken += len(piece)
            if chunked and not heard.done():
                writer.write(b"0\r\n\r\n")
            return parsed(await heard), taken
    except ConnectionError:
        return parsed(await heard), taken
    finally:
        writer.close()


async def _all(reader: asyncio.StreamReader) -> bytes:
    heard = b""
    try:
        while piece := await reader.read(65_536):
            heard += piece
    except ConnectionError:
        pass
    return heard


async def test_huge_bodies_are_refused_and_cost_no_memory(service: Service) -> None:
    workers = service.api_workers()
    async with visiting(service) as world:
        caller = await world.person()
        before = {pid: peak_memory(pid) for pid in workers}
        for path, kind, limit in (
            ("/auth/wechat", "application/json", MEGABYTE), ("/reports", "application/json", MEGABYTE),
            ("/uploads", "multipart/form-data; boundary=x", 10 * MEGABYTE + 65_536),
        ):
            headers = caller.headers | {"Content-Type": kind, "Idempotency-Key": f"huge-{path}"}
            for chunked in (False, True):
                answer, _ = await sent(service, API + path, headers, size=HUGE, chunked=chunked)
                assert answer.status == 413, (path, chunked, answer.status)
                told = json.loads(answer.body)
                assert (told["code"], told["limit"]) == ("payload_too_large", limit)
        assert (await caller.send("GET", "/members/me")).status_code == 200
    assert service.api_workers() == workers
    grown = {pid: peak_memory(pid) - before[pid] for pid in workers}
    assert max(grown.values()) < MOST_GROWTH, grown


async def test_long_heads_and_addresses(service: Service) -> None:
    async with httpx.AsyncClient(base_url=service.url) as http:
        for headers, path in (({"x-long": "a" * 20_000}, "/health/live"), ({}, "/health/live?" + "a=1&" * 5_000), ({}, "/" + "a" * 20_000)):
            answer = await http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (431, "header_too_large", 16_384)
