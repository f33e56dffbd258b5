"""uvicorn's HTTP protocol with what it lacks: deadlines for receiving a request and for taking the answer, a bound for its head, a cap on
connections, TCP_NODELAY, our problem documents.

Deadlines are absolute: a client that sends a byte now and then does not move them (reliability.md, "Library facts").
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.errors import MEDIA_TYPE, AppError, BadRequest, Busy, HeaderTooLarge
from app.middleware import room
from app.middleware.limits import HEADER_BYTES, takes_upload
from app.middleware.pace import Pace
from app.problems import problem_response

HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
UPLOAD_SECONDS = 180.0
IDLE_SECONDS = 30.0
LINGER_SECONDS = 5.0
REFUSED_SECONDS = 1.0
AT_ONCE = struct.pack("ii", 1, 0)
REASONS = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}


class _Lingering:
    """The transport, but for `close`, which is the protocol's to do; it counts what is written, and says when all before has gone out."""

    def __init__(self, transport: Any, close: Callable[[], None], taken: Callable[[], None]) -> None:
        self._transport = transport
        self.close = close
        self._taken = taken
        self.written = 0

    def write(self, data: bytes) -> None:
        if not self._transport.get_write_buffer_size():
            self._taken()
        self.written += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class DeadlineProtocol(HttpToolsProtocol):
    """A connection that is cut when its head takes over 10 s, its body over 60 s (uploads: 180 s, at 8 KB/s or more), when its client takes
    an answer at less than 8 KB/s, or asks for nothing for 30 s, whatever blank lines it sends meanwhile.

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
        self._lingering: Any = None
        self._came, self._paced = 0, False  # bytes of bodies; does this one have to come at a pace
        self._sender = Pace(self.loop, self._sent_to_us, self._abort)
        self._reader = Pace(self.loop, self._taken_from_us, self._drop)
        # For its client; None while a request is worked on. The loop's own clock stands still while it turns once.
        self.waiting_since: float | None = None

    def connection_made(self, transport: Any) -> None:
        self._raw = transport
        self._lingering = _Lingering(transport, self._close, self._reader.stop)
        super().connection_made(self._lingering)
        self.waiting_since = time.monotonic()
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            # Sockets that uvicorn's workers get lack it: small answers on kept connections would wait 44 ms for a delayed ACK.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._set_deadline(HEAD_SECONDS)
        if not room.make(self.connections, room.most()):
            self._refuse(Busy())
            self._set_deadline(REFUSED_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._set_deadline(None)
        self._sender.stop()
        self._reader.stop()

    def give_way(self) -> None:
        """There are too many connections, and this one's client has kept us waiting longest."""
        self.connections.discard(self)
        self._abort()

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
        if self.cycle is None or self.cycle.response_complete:
            self.waiting_since = time.monotonic()
        self._in_head, self._complete = True, False
        self._set_deadline(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) > HEADER_BYTES:
            self._refuse(HeaderTooLarge(limit=HEADER_BYTES))
            return
        super().on_headers_complete()
        self._paced = takes_upload(self.scope["path"])
        self._set_deadline(UPLOAD_SECONDS if self._paced else BODY_SECONDS)
        if self._paced:
            self._sender.start()

    def on_body(self, body: bytes) -> None:
        self._came += len(body)
        if self._paced:
            self._sender.start()
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._set_deadline(None)
        self._sender.stop()  # what it sends from here on is another request's
        self._in_head, self._head_bytes = True, 0
        self._messages, self._complete = self._messages + 1, True
        self.waiting_since = None
        if not self._deaf:
            super().on_message_complete()
            self._await_the_next()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._unset_keepalive_if_required()  # any byte would end it; ours is a deadline
        self._await_the_next()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader.start()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BadRequest())

    def _await_the_next(self) -> None:
        """All is received and answered: the client has 30 s to ask again, or to take what is left of the answer."""
        if self._complete and self.cycle is not None and self.cycle.response_complete and not self._raw.is_closing():
            self.waiting_since = time.monotonic()
            self._set_deadline(IDLE_SECONDS, self._close)

    def _set_deadline(self, seconds: float | None, late: Callable[[], None] | None = None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, late or self._abort)

    def _abort(self) -> None:
        """Whatever is still to be sent is thrown away."""
        self._raw.abort()

    def _drop(self) -> None:
        """By a reset: what nobody takes would stay in the kernel, megabytes of it, long after the connection."""
        connection = self._raw.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._abort()

    def _sent_to_us(self) -> int | None:
        """While we take nothing (the application is busy with what came), nobody is late; the next piece starts the watch again."""
        return None if self._complete or self._deaf or self.flow.read_paused else self._came

    def _taken_from_us(self) -> int | None:
        left = self._raw.get_write_buffer_size()
        return self._lingering.written - left if left else None

    def _close(self) -> None:
        """Closes at once when the client has said all; otherwise ends our side, and closes when the client does or soon after.

        What is written goes out first: to a client that takes it.
        """
        if self._complete or self._deaf or self._raw.is_closing() or not self._raw.can_write_eof():
            self._raw.close()
            self._reader.start()
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
            f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n"
            + "".join(f"{name.lower()}: {value}\r\n" for name, value in refusal.headers.items()) + "\r\n"
        )
        self._raw.write(head.encode() + bytes(body))
        if self.cycle is not None and not self.cycle.response_complete:  # its request turned out to be broken: nobody waits for it
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._complete = False  # whatever else is on its way is not listened to
        self._close()
