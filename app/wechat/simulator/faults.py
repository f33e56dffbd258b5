"""Bad luck to order: what a path says instead of its answer, or what happens to the answer on its way."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from app.wechat.simulator.refusal import Refusal

EVERYWHERE = "*"


@dataclass(slots=True)
class Fault:
    """What a path (`*`: every one) does instead of, or besides, its work, for the next `times` calls (None: until it is cleared).

    `errcode`, `status`, `body` and `size` replace the work. Without them it is done, and only the answer suffers: it comes `delay` seconds
    late, a byte each `drip` seconds, or never, because the connection is `cut`. `until` is the end of it by the simulator's clock.
    """

    path: str
    times: int | None = 1
    until: float | None = None
    errcode: int | None = None
    status: int | None = None
    body: str | None = None
    size: int | None = None
    delay: float = 0.0
    drip: float = 0.0
    cut: bool = False

    @property
    def replaces(self) -> bool:
        return not (self.errcode is None and self.status is None and self.body is None and self.size is None)

    def concerns(self, path: str, now: float) -> bool:
        return self.path in (path, EVERYWHERE) and (self.until is None or now < self.until)

    def answer(self, media_type: str) -> Response:
        """Instead of the work. A status without a body is a gateway's page; `size` is that many bytes of a JSON that never ends."""
        if self.status is not None:
            headers = {"Location": "/elsewhere"} if 300 <= self.status < 400 else {}
            return Response(self.body or "<html>gateway</html>", self.status, headers, media_type="text/html")
        if self.size is not None:
            return Response(b'{"x":"' + b"x" * self.size, media_type="application/json")
        if self.body is not None:
            return Response(self.body, media_type="application/json")
        assert self.errcode is not None
        return answered(Refusal(self.errcode).answer(), media_type)

    async def spoil(self, response: Response) -> Response:
        """What becomes of an answer on its way."""
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.cut:
            return _Cut()
        if self.drip:
            return StreamingResponse(_dripping(bytes(response.body), self.drip), response.status_code, media_type=response.media_type)
        return response


class _Cut(Response):
    """Begins and does not end: the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def _dripping(body: bytes, seconds: float) -> AsyncIterator[bytes]:
    for index in range(len(body)):
        yield body[index : index + 1]
        await asyncio.sleep(seconds)


def answered(data: dict[str, Any], media_type: str) -> Response:
    """As WeChat writes JSON: real characters, not escapes."""
    return Response(json.dumps(data, ensure_ascii=False).encode(errors="replace"), media_type=media_type)
