"""What the service really sends to the database for one request: `python -m app.bench.recording` serves the API and takes it down.

It is a process of its own that hears one request after the other. Nothing in the service knows of it: the driver's protocol is replaced
before the service is loaded, so whatever goes over the wire is seen, whoever sent it.
"""

import argparse
import asyncio
import importlib
import pickle
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

import asyncpg.protocol
import uvicorn

from app import clock
from app.bench.recorded import PATH, Recording
from app.process import end_with_parent

Message = dict[str, Any]
App = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]


CURRENT: ContextVar[Recording | None] = ContextVar("recording", default=None)


class Protocol(asyncpg.protocol.Protocol):  # type: ignore[misc]
    """asyncpg's, which tells the recording of the request that it works for. What no request has asked for is not told."""

    async def bind_execute(self, state: Any, args: Any, *others: Any, **named: Any) -> Any:
        found = await super().bind_execute(state, args, *others, **named)
        self._tell(state.query, [args], state, found[0] if isinstance(found, tuple) else found)
        return found

    async def bind_execute_many(self, state: Any, args: Any, *others: Any, **named: Any) -> Any:
        every = [tuple(one) for one in args]
        found = await super().bind_execute_many(state, every, *others, **named)
        self._tell(state.query, every, state, None, many=True)
        return found

    async def query(self, query: str, *others: Any) -> Any:
        found = await super().query(query, *others)
        self._tell(query, [], None, None)
        return found

    def _tell(self, statement: str, bound: Sequence[Any], state: Any, rows: Any, *, many: bool = False) -> None:
        recording = CURRENT.get()
        if recording is not None:
            types = [] if state is None else [one.name for one in state._get_parameters()]
            recording.add(self, statement, bound, types, rows, many)


class Recorder:
    """Wraps an ASGI application; GET /recorded takes what was recorded since the last time, pickled."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.kept: list[Recording] = []
        self._open: set[asyncio.Task[Any] | None] = set()
        self._closed = asyncio.Event()

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] == PATH:
            return await self._give(send)
        recording = Recording(clock.now())
        self.kept.append(recording)
        token = CURRENT.set(recording)
        self._open.add(asyncio.current_task())

        async def told(message: Message) -> None:
            recording.status = message.get("status", recording.status)
            recording.answer += message.get("body", b"")
            await send(message)

        try:
            await self.app(scope, receive, told)
        finally:
            CURRENT.reset(token)
            self._open.discard(asyncio.current_task())
            self._closed.set()

    async def _give(self, send: Callable[[Message], Awaitable[None]]) -> None:
        while self._open:  # those who have their answers may still be tidying up
            self._closed.clear()
            await self._closed.wait()
        body, self.kept = pickle.dumps(self.kept), []
        head = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/octet-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m app.bench.recording")
    parser.add_argument("--port", type=int, required=True)
    end_with_parent()
    asyncpg.protocol.Protocol = Protocol
    recorder = Recorder(importlib.import_module("app.main").build())
    uvicorn.run(
        recorder, host="127.0.0.1", port=parser.parse_args().port, log_config=None, access_log=False, server_header=False,
        http="app.middleware.protocol:DeadlineProtocol", ws="none",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
