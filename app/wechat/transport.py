"""One exchange with WeChat over HTTP: bounded in time and size, never redirected, and what came back put into one of three words."""

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
from prometheus_client import Counter

from app import tracing
from app.figures import REGISTRY
from app.observability import get_logger
from app.wechat import rules
from app.wechat.protection import Protection, Unauthentic
from app.wechat.rules import Means

log = get_logger(__name__)

CONNECT_SECONDS, EXCHANGE_SECONDS = 2.0, 4.0
JSON_LIMIT, IMAGE_LIMIT = 1 << 20, 4 << 20
PNG_START, JPEG_START = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
PICTURE_STARTS = (PNG_START, JPEG_START)
RID = re.compile(r"rid:\s*([\w-]{1,64})")
# No connection: nothing was sent. Whatever else goes wrong, WeChat may have taken the call.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Gateways say so when nobody behind them has answered: that is no answer. Any other status that is not 200 is one, and says that the call
# was not taken: it is retried like "busy". What WeChat takes it takes with 200; an unreadable 200 may stand for that.
UNANSWERED = frozenset({502, 504})
CALLS = Counter("xinxin_wechat_calls_total", "Calls of WeChat by errcode, or lost", ["call", "outcome"], registry=REGISTRY)

# httpx writes whole addresses at INFO: ours carry the secret, codes and tokens in the query.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class Lost(Exception):
    """No word of WeChat about the call: no connection, cut, time over, an HTTP error, or something that WeChat does not say.

    `sent`: it may have had its effect. `final`: sending it again will hardly help (a portal's page, a redirect, endless bytes).
    """

    def __init__(self, *, sent: bool, final: bool = False) -> None:
        super().__init__()
        self.sent, self.final = sent, final


@dataclass(frozen=True, slots=True)
class Call:
    """One call of WeChat's API. `resends` says how often it may be sent again after a lost answer: never for what must not happen twice.

    `protectable`: WeChat takes it encrypted and signed, where the settings say so.
    """

    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    with_token: bool = True
    resends: int = 2
    picture: bool = False
    protectable: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def limit(self) -> int:
        return IMAGE_LIMIT if self.picture else JSON_LIMIT


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON object with its `errcode` (0 is good), or the bytes of a picture with an empty object. `call` is the path of the call."""

    call: str
    errcode: int
    data: dict[str, Any] = field(repr=False)
    picture: bytes | None = field(default=None, repr=False)


class Transport:
    def __init__(self, base_url: str, protection: Protection | None = None) -> None:
        self.reachable = True  # until a call has shown otherwise
        self._protection = protection
        self._http = httpx.AsyncClient(
            base_url=base_url,
            follow_redirects=False,
            trust_env=False,  # settings alone say whom the service talks to
            timeout=httpx.Timeout(EXCHANGE_SECONDS, connect=CONNECT_SECONDS, pool=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=60, max_keepalive_connections=20, keepalive_expiry=15),  # a worker sends 20 at once
            # A compressed answer would have to be inflated before its size is known.
            headers={"Accept-Encoding": "identity", "User-Agent": "xinxin"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def exchange(self, call: Call, token: str | None = None) -> Answer:
        """One call and its answer; `reachable` remembers how the last one went. Raises Lost."""
        with tracing.span("wechat.call", "client", {"wechat.call": call.name}) as span:
            try:
                answer = await self._exchange(call, token)
            except Lost:
                self.reachable = False
                CALLS.labels(call.name, "lost").inc()
                raise
            span.set({"wechat.errcode": answer.errcode})
        self.reachable = True
        CALLS.labels(call.name, _outcome(answer.errcode)).inc()
        return answer

    async def _exchange(self, call: Call, token: str | None) -> Answer:
        protection = self._protection if call.protectable else None
        request = self._request(call, token, protection)
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                status, headers, body = await self._read(request, call)
        except (httpx.TransportError, TimeoutError) as error:
            log.warning("wechat.no_answer", call=call.name, reason=type(error).__name__)
            raise Lost(sent=not isinstance(error, NOT_SENT)) from None
        if status >= 500:
            log.warning("wechat.no_answer", call=call.name, reason="status", status=status)
            raise Lost(sent=status in UNANSWERED)
        if status != 200:
            raise _nonsense(call, "status", sent=False, status=status)
        if call.picture and body.startswith(PICTURE_STARTS):
            return Answer(call.path, 0, {}, body)
        return _understood(call, _parsed(call, body) if protection is None else _opened(call, protection, headers, body))

    def _request(self, call: Call, token: str | None, protection: Protection | None) -> httpx.Request:
        params = call.params if token is None else {**call.params, "access_token": token}
        if call.body is None:
            return self._http.build_request("GET", call.path, params=params)
        if protection is not None:
            content, headers = protection.seal(call.path, call.body)
        else:
            # WeChat judges texts as they are written: real characters, not \\uXXXX.
            content, headers = json.dumps(call.body, ensure_ascii=False).encode(), {}
        headers["Content-Type"] = "application/json; charset=utf-8"
        return self._http.build_request("POST", call.path, params=params, content=content, headers=headers)

    async def _read(self, request: httpx.Request, call: Call) -> tuple[int, httpx.Headers, bytes]:
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            if response.status_code == 200:
                async for piece in response.aiter_raw():
                    body += piece
                    if len(body) > call.limit:
                        raise _nonsense(call, "size")
            return response.status_code, response.headers, bytes(body)
        finally:
            await response.aclose()


def _outcome(errcode: int) -> str:
    """Those that the table knows, so that nobody can make the label endless; the others stand in the log."""
    return str(errcode) if errcode == 0 or errcode in rules.RULES else "other"


def _parsed(call: Call, body: bytes) -> Any:
    """Content types are not trusted: good JSON comes as text/plain, and errors of picture calls as JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _nonsense(call, "body") from None


def _opened(call: Call, protection: Protection, headers: httpx.Headers, body: bytes) -> dict[str, Any]:
    try:
        return protection.open(call.path, headers, body)
    except Unauthentic:
        raise _nonsense(call, "unauthentic") from None


def _understood(call: Call, data: Any) -> Answer:
    """The person is never logged; `rid` is what WeChat finds the call by, for a week."""
    try:
        errcode = int(data.get("errcode") or 0)
    except (ValueError, AttributeError, TypeError, OverflowError):
        raise _nonsense(call, "body") from None
    if errcode:
        found = RID.search(str(data.get("errmsg", "")))
        say = log.error if rules.rule(call.path, errcode).means is Means.MISCONFIGURED else log.warning
        say("wechat.refused", call=call.name, errcode=errcode, rid=found[1] if found else None)
    return Answer(call.path, errcode, data)


def _nonsense(call: Call, reason: str, *, sent: bool = True, **facts: Any) -> Lost:
    """What WeChat never says. Perhaps somebody between us and it does; perhaps it stands for a good answer: then the call has arrived."""
    log.warning("wechat.nonsense", call=call.name, reason=reason, **facts)
    return Lost(sent=sent, final=True)
