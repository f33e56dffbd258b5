"""One exchange with WeChat over HTTP: bounded in time and size, never redirected, and what came back put into one of three words."""

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.errors import WeChatUnavailable
from app.observability import get_logger

log = get_logger(__name__)

CONNECT_SECONDS, EXCHANGE_SECONDS = 2.0, 4.0
JSON_LIMIT, IMAGE_LIMIT = 1 << 20, 4 << 20
PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PICTURE_STARTS = (PNG_START, JPEG_START)
RID = re.compile(r"rid:\s*([\w-]{1,64})")

# httpx writes whole addresses at INFO: ours carry the secret, codes and tokens in the query.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class Lost(Exception):
    """No answer that says what happened: connection cut, time over, or 5xx. The call may or may not have had its effect."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of WeChat's API. `resends` says how often it may be sent again after a lost answer: never for what must not happen twice."""

    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    with_token: bool = True
    resends: int = 2
    picture: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def limit(self) -> int:
        return IMAGE_LIMIT if self.picture else JSON_LIMIT


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object with its `errcode` (0 is good), or the bytes of a picture with an empty object."""

    errcode: int
    data: dict[str, Any] = field(repr=False)
    picture: bytes | None = field(default=None, repr=False)


class Transport:
    def __init__(self, base_url: str) -> None:
        self.reachable = True  # until a call has shown otherwise
        self._http = httpx.AsyncClient(
            base_url=base_url,
            follow_redirects=False,
            trust_env=False,  # settings alone say whom the service talks to
            timeout=httpx.Timeout(EXCHANGE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=60, max_keepalive_connections=10, keepalive_expiry=15),
            # A compressed answer would have to be inflated before its size is known.
            headers={"Accept-Encoding": "identity", "User-Agent": "xinxin"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def exchange(self, call: Call, token: str | None = None) -> Answer:
        """One call and its answer; `reachable` remembers how the last one went. Raises what `_exchange` raises."""
        try:
            answer = await self._exchange(call, token)
        except (Lost, WeChatUnavailable):
            self.reachable = False
            raise
        self.reachable = True
        return answer

    async def _exchange(self, call: Call, token: str | None) -> Answer:
        """Raises Lost, or WeChatUnavailable for an answer that is not WeChat's (a portal's page, a redirect, endless bytes)."""
        params = call.params if token is None else {**call.params, "access_token": token}
        # WeChat judges texts as they are written: real characters, not \\uXXXX.
        content = None if call.body is None else json.dumps(call.body, ensure_ascii=False).encode()
        request = self._http.build_request(
            "GET" if content is None else "POST", call.path, params=params, content=content,
            headers={} if content is None else {"Content-Type": "application/json; charset=utf-8"},
        )
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                status, body = await self._read(request, call)
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("wechat.no_answer", call=call.name, reason=type(error).__name__)
            raise Lost from None
        if status >= 500:
            log.warning("wechat.no_answer", call=call.name, reason="status", status=status)
            raise Lost
        return _understood(call, status, body)

    async def _read(self, request: httpx.Request, call: Call) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                return response.status_code, b""
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > call.limit:
                    log.warning("wechat.nonsense", call=call.name, reason="size")
                    raise WeChatUnavailable
            return response.status_code, bytes(body)
        finally:
            await response.aclose()


def _understood(call: Call, status: int, body: bytes) -> Answer:
    """Content types are not trusted: good JSON comes as text/plain, and errors of picture calls as JSON."""
    if status != 200:
        raise _nonsense(call, "status", status=status)
    if call.picture and body.startswith(PICTURE_STARTS):
        return Answer(0, {}, body)
    try:
        data = json.loads(body)
        errcode = int(data.get("errcode") or 0)
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        raise _nonsense(call, "body") from None
    if errcode:
        found = RID.search(str(data.get("errmsg", "")))
        log.warning("wechat.refused", call=call.name, errcode=errcode, rid=found[1] if found else None)
    return Answer(errcode, data)


def _nonsense(call: Call, reason: str, **facts: Any) -> WeChatUnavailable:
    log.warning("wechat.nonsense", call=call.name, reason=reason, **facts)
    return WeChatUnavailable()
