"""A transport for httpx that does what a good client does when servers die: the same call under the same key, at the next replica.

Everything is written into a history: who uses it need not know that anything went wrong.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Sequence
from uuid import uuid4

import httpx

from tests.trust.rig.history import History, digest

PATIENCE = 90.0
PAUSE = 0.05
WAITING = {"request_in_progress"}


class Patient(httpx.AsyncBaseTransport):
    """`targets` gives the replicas' addresses at the moment. What has no key and changes something is tried once.

    `forgetful` is a known-bad client: it asks again under a new key.
    """

    def __init__(self, targets: Callable[[], Sequence[str]], history: History, *, forgetful: bool = False) -> None:
        self.targets, self.history, self.forgetful = targets, history, forgetful
        self.counted: Counter[str] = Counter()
        self._turns = itertools.count()
        limits = httpx.Limits(max_connections=200, max_keepalive_connections=40, keepalive_expiry=5)
        self._inner = httpx.AsyncHTTPTransport(limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.startswith("/api/"):
            return await self._inner.handle_async_request(request)  # the simulator's control, which stands beside
        content = await request.aread()
        key = request.headers.get("idempotency-key")
        call = self.history.invoke(method=request.method, path=request.url.path, key=key, body=digest(content))
        again = key is not None or request.method in ("GET", "PUT", "HEAD")
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = await self._try(request, content)
            except httpx.TransportError as error:
                self.history.note("unknown", call, error=type(error).__name__)
                self.counted["unknown"] += 1
                if not again or time.monotonic() > deadline:
                    raise
                if self.forgetful:
                    request.headers["idempotency-key"] = uuid4().hex
            else:
                if not (again and _passing(answer)) or time.monotonic() > deadline:
                    end = "ok" if answer.is_success else "fail"
                    self.history.note(end, call, status=answer.status_code, body=digest(answer.content))
                    return answer
                self.history.note("again", call, status=answer.status_code)
                self.counted[str(answer.status_code)] += 1
            await asyncio.sleep(PAUSE)

    async def _try(self, request: httpx.Request, content: bytes) -> httpx.Response:
        """At whichever replica has its turn."""
        replicas = self.targets()
        target = httpx.URL(replicas[next(self._turns) % len(replicas)])
        url = request.url.copy_with(host=target.host, port=target.port)
        attempt = httpx.Request(request.method, url, headers=request.headers, content=content, extensions=request.extensions)
        answer = await self._inner.handle_async_request(attempt)
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def _passing(answer: httpx.Response) -> bool:
    if answer.status_code == 503:
        return True
    return answer.status_code == 409 and answer.json().get("code") in WAITING
