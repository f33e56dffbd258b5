"""The outermost layer: every answer carries an X-Request-ID, and every log line of the request names it, or one drawn in its place."""

import asyncio
import re
from collections.abc import Iterable
from uuid import uuid4

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import tracing
from app.errors import Busy
from app.problems import problem_response

VISIBLE = re.compile(rb"[\x21-\x7e]{8,128}")
HEADER = b"x-request-id"
SAFE = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
PRIVATE = [*SAFE, (b"cache-control", b"no-store")]


class RequestId:
    """Takes the client's own id when it is 8 to 128 visible characters, draws one otherwise; puts it into the request's state.

    Answers under the API hold personal data, so nothing may be kept by a cache unless the endpoint says so itself.
    """

    def __init__(self, app: ASGIApp, private_prefix: str) -> None:
        self.app = app
        self.private_prefix = private_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = _first(scope["headers"])
        request_id = given if VISIBLE.fullmatch(given) else uuid4().hex.encode()
        scope.setdefault("state", {})["request_id"] = request_id.decode()

        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = message.setdefault("headers", [])
                present = {name.lower() for name, _ in headers}
                headers.append((HEADER, request_id))
                for pair in PRIVATE if scope["path"].startswith(self.private_prefix) else SAFE:
                    if pair[0] not in present:
                        headers.append(pair)
            await send(message)

        # A word that a client chose may be somebody's number: the log has a drawn id instead.
        logged = tracing.kept_id(request_id.decode()) or uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=logged)  # for this task, which ends with the request
        try:
            await self.app(scope, receive, send_with_id)
        except asyncio.CancelledError:  # the process ends and the grace is over: better a reason than uvicorn's bare 500
            if not started:
                await problem_response(Busy(), request_id.decode())(scope, receive, send_with_id)
            raise


def _first(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == HEADER:
            return value
    return b""
