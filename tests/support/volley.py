"""Many requests at one instant: connections are opened one by one and everything but the last byte is sent, then all last bytes go."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from tests.support.newcomer import API, Caller
from tests.support.service import Service, until

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PATIENCE = 60.0
MOST_TRIES = 10


@dataclass(frozen=True)
class Shot:
    """One request, ready to be sent: head and body."""

    whole: bytes


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    worker: int  # the process that gave it

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def outcome(self) -> str:
        """`ok`, or the code of the refusal."""
        return "ok" if self.status < 400 else str(self.json["code"])


def shot(caller: Caller | None, path: str, body: Any, *, key: str | None = None, method: str = "POST") -> Shot:
    headers = {"Host": "test", "Content-Type": "application/json", "Connection": "close"} | (caller.headers if caller else {})
    content = b"" if method == "GET" else json.dumps(body).encode()  # a GET is answered without waiting for a body
    headers |= {"Content-Length": str(len(content))} | ({"Idempotency-Key": key} if key else {})
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Shot(f"{method} {API}{path} HTTP/1.1\r\n{lines}\r\n".encode() + content)


async def volley(service: Service, shots: list[Shot], *, begun: asyncio.Event | None = None) -> list[Answer]:
    """The answers in the order of the shots, which went to more than one worker. `begun` is set as soon as all are on their way.

    On a busy machine some wait too long for a connection to the database: whoever hears `busy` asks again, under the same key.
    """
    answers = await _at_once(service, shots, begun)
    assert len(Counter(answer.worker for answer in answers)) > 1, "all requests went to one worker"
    for _ in range(MOST_TRIES):
        busy = [number for number, answer in enumerate(answers) if answer.status == 503]
        if not busy:
            break
        assert all(answers[number].outcome == "busy" and "retry-after" in answers[number].headers for number in busy)
        for number, answer in zip(busy, await _at_once(service, [shots[number] for number in busy]), strict=True):
            answers[number] = answer
    return answers


async def _at_once(service: Service, shots: list[Shot], begun: asyncio.Event | None = None) -> list[Answer]:
    lines, held = await _spread(service, shots)
    try:
        for (_, writer), one in zip(lines, shots, strict=True):
            writer.write(one.whole[-1:])
        if begun is not None:
            begun.set()
        async with asyncio.timeout(PATIENCE):
            raw = await asyncio.gather(*(reader.read() for reader, _ in lines))
    finally:
        await _hung_up(lines)
    return [parsed(text, held[writer.get_extra_info("sockname")[1]]) for text, (_, writer) in zip(raw, lines, strict=True)]


async def _spread(service: Service, shots: list[Shot]) -> tuple[list[Line], dict[int, int]]:
    """Connections that more than one worker holds: an idle machine may give all of a few to the same one."""
    for tried in range(MOST_TRIES):
        lines = [await _opened(service, one) for one in shots]
        held = await _accepted(service, [writer.get_extra_info("sockname")[1] for _, writer in lines])
        if len(shots) == 1 or len(set(held.values())) > 1 or tried == MOST_TRIES - 1:
            return lines, held
        await _hung_up(lines)
    raise AssertionError("unreachable")


async def _hung_up(lines: list[Line]) -> None:
    for _, writer in lines:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in lines), return_exceptions=True)


async def _opened(service: Service, one: Shot) -> Line:
    """From a port that no other line has: the kernel gives the same one to lines that lead to different replicas, unless it is bound."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port, local_addr=("127.0.0.1", 0))
    writer.write(one.whole[:-1])
    await writer.drain()
    return reader, writer


async def _accepted(service: Service, ports: list[int]) -> dict[int, int]:
    """Which worker holds each connection, once all are held."""

    def look() -> dict[int, int]:
        held: dict[int, int] = {}

        def all_held() -> bool:
            held.update(service.holders(ports))
            return len(held) >= len(ports)

        until(all_held, 20, "all connections accepted")
        return held

    return await asyncio.to_thread(look)



def parsed(raw: bytes, worker: int = 0) -> Answer:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answer(int(lines[0].split()[1]), headers, body, worker)
