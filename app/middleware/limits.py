"""How much a request may bring: header bytes before anything else is looked at, body bytes while they stream in."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import BadRequest, HeaderTooLarge, PayloadTooLarge
from app.problems import problem_response

HEADER_BYTES = 16 * 1024
BODY_BYTES = 1024 * 1024
FILE_BYTES = 10 * 1024 * 1024
UPLOAD_BYTES = FILE_BYTES + 64 * 1024  # the multipart frame around a file of the greatest size
UPLOAD_ENDS = ("/uploads", "/roster")
OVERHEAD = 4  # ": " and the line end, as each header line is sent


def takes_upload(path: str) -> bool:
    return path.endswith(UPLOAD_ENDS)


@dataclass(slots=True)
class _Meter:
    """Counts a body while it is received, and stops it at its limit. The refusal is raised where the body is read."""

    receive: Receive
    limit: int
    declared: int
    seen: int = 0

    async def __call__(self) -> Message:
        if self.declared > self.limit:
            raise PayloadTooLarge(limit=self.limit)
        message = await self.receive()
        if message["type"] == "http.request":
            self.seen += len(message.get("body", b""))
            if self.seen > self.limit:
                raise PayloadTooLarge(limit=self.limit)
        return message


class Limits:
    """431 for a request line with headers over 16 KB; 413 for a body over its path's limit, as soon as somebody reads it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        head = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
        for name, value in scope["headers"]:
            head += len(name) + len(value) + OVERHEAD
        if head > HEADER_BYTES:
            await problem_response(HeaderTooLarge(limit=HEADER_BYTES), Request(scope).state.request_id)(scope, receive, send)
            return
        declared = _declared(scope)
        if declared is None:
            await problem_response(BadRequest("Content-Length 无效"), Request(scope).state.request_id)(scope, receive, send)
            return
        limit = UPLOAD_BYTES if takes_upload(scope["path"]) else BODY_BYTES
        await self.app(scope, _Meter(receive, limit, declared), send)


def _declared(scope: Scope) -> int | None:
    """The Content-Length; 0 when there is none, None when it is not one number."""
    values = [value for name, value in scope["headers"] if name == b"content-length"]
    if not values:
        return 0
    return int(values[0]) if len(values) == 1 and values[0].isdigit() and len(values[0]) < 19 else None
