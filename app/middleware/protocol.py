"""uvicorn's HTTP protocol with what it lacks: deadlines for receiving a request, a bound for its head, TCP_NODELAY, our problem documents.

Deadlines are absolute: a client that sends a byte now and then does not move them (reliability.md, "Library facts").
"""

import asyncio
import socket
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import MEDIA_TYPE, AppError, BadRequest, HeaderTooLarge
from app.middleware.limits import HEADER_BYTES, takes_upload
from app.problems import problem_response

HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
UPLOAD_SECONDS = 180.0
REASONS = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class DeadlineProtocol(HttpToolsProtocol):
    """A connection that is cut when its head takes over 10 s, its body over 60 s (uploads: 180 s)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._refused = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # Sockets that uvicorn's workers get lack it: small answers on kept connections would wait 44 ms for a delayed ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEADER_BYTES and not self._refused:
            self._refuse(HeaderTooLarge(limit=HEADER_BYTES))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._set_deadline(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) > HEADER_BYTES:
            self._refuse(HeaderTooLarge(limit=HEADER_BYTES))
            return
        super().on_headers_complete()
        self._set_deadline(UPLOAD_SECONDS if takes_upload(self.scope["path"]) else BODY_SECONDS)

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._set_deadline(None)
        self._in_head, self._head_bytes = True, 0
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BadRequest())

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.abort()

    def _refuse(self, refusal: AppError) -> None:
        """Answers below the application, which never hears of this request, and closes."""
        if self._refused or self.transport is None or self.transport.is_closing():
            return
        self._refused = True
        request_id = uuid4().hex
        body = problem_response(refusal, request_id).body
        head = (
            f"HTTP/1.1 {refusal.status} {REASONS[refusal.status]}\r\nx-request-id: {request_id}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + bytes(body))
        self.transport.close()
