"""uvicorn's HTTP protocol with what it lacks: deadlines for receiving a request, a bound for its head, TCP_NODELAY, our problem documents.

Deadlines are absolute: a client that sends a byte now and then does not move them (reliability.md, "Library facts").
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import MEDIA_TYPE, AppError, BadRequest, HeaderTooLarge
from app.middleware.limits import HEADER_BYTES, takes_upload
from app.problems import problem_response

HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
UPLOAD_SECONDS = 180.0
LINGER_SECONDS = 5.0
REASONS = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class _Lingering:
    """The transport, but for `close`, which is the protocol's to do."""

    def __init__(self, transport: Any, close: Callable[[], None]) -> None:
        self._transport = transport
        self.close = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class DeadlineProtocol(HttpToolsProtocol):
    """A connection that is cut when its head takes over 10 s, its body over 60 s (uploads: 180 s).

    An answer that ends the connection while the client still sends (413, 431, 400) is followed by an end of our side only, and what
    comes is thrown away for a while: closing at once would make the kernel send a reset, which takes the answer from the client.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_head = True
        self._messages = 0
        self._complete = True  # nothing of a request is outstanding
        self._deaf = False
        self._raw: Any = None

    def connection_made(self, transport: Any) -> None:
        self._raw = transport
        lingering: Any = _Lingering(transport, self._close)
        super().connection_made(lingering)
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # Sockets that uvicorn's workers get lack it: small answers on kept connections would wait 44 ms for a delayed ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_deadline(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_deadline(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        before = self._messages
        super().data_received(data)
        if not self._in_head or self._messages != before:  # a whole head is judged by the application's first layer
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEADER_BYTES:
            self._refuse(HeaderTooLarge(limit=HEADER_BYTES))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._complete = True, False
        self._set_deadline(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) > HEADER_BYTES:
            self._refuse(HeaderTooLarge(limit=HEADER_BYTES))
            return
        super().on_headers_complete()
        self._set_deadline(UPLOAD_SECONDS if takes_upload(self.scope["path"]) else BODY_SECONDS)

    def on_body(self, body: bytes) -> None:
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._set_deadline(None)
        self._in_head, self._head_bytes = True, 0
        self._messages, self._complete = self._messages + 1, True
        if not self._deaf:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BadRequest())

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self._cut)

    def _cut(self) -> None:
        if not self._raw.is_closing():
            self._raw.abort()

    def _close(self) -> None:
        """Closes at once when the client has said all; otherwise ends our side, and closes when the client does or soon after."""
        if self._complete or self._deaf or self._raw.is_closing() or not self._raw.can_write_eof():
            self._raw.close()
            return
        self._deaf = True
        self._raw.write_eof()
        self.flow.resume_reading()
        self._set_deadline(LINGER_SECONDS)

    def _refuse(self, refusal: AppError) -> None:
        """Answers below the application, which never hears of this request, and closes."""
        if self._deaf or self._raw.is_closing():
            return
        request_id = uuid4().hex
        body = problem_response(refusal, request_id).body
        head = (
            f"HTTP/1.1 {refusal.status} {REASONS[refusal.status]}\r\nx-request-id: {request_id}\r\n"
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._raw.write(head.encode() + bytes(body))
        if self.cycle is not None and not self.cycle.response_complete:  # its request turned out to be broken: nobody waits for it
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._complete = False  # whatever else is on its way is not listened to
        self._close()
