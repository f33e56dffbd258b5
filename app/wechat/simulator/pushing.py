"""Events on their way to the service: signed, in safe mode sealed, sent again when they are not taken, as WeChat does."""

import asyncio
import heapq
import json
import re
import secrets
import ssl
import time
from functools import cache
from typing import Any

import httpx

from app.wechat import crypto
from app.wechat.simulator.world import Due, Target, World

TRIES, PATIENCE, PAUSE = 3, 5.0, 0.3  # WeChat waits five seconds
LOOK = 0.02  # the simulator's clock may be moved at any time
PICTURE_LIMIT = 10 << 20
TAKEN = ("success", "")


class Pusher:
    """Runs while something is due. Times of pushes are the real ones, though they come due by the simulator's clock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def start(self) -> None:
        if self._ripe():
            self._quiet.clear()
        if self._world.due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run())

    async def settle(self) -> None:
        """Waits until what is due by now has been taken or given up."""
        self.start()
        await self._quiet.wait()

    def _ripe(self) -> bool:
        return bool(self._world.due) and self._world.due[0].at <= self._world.clock()

    async def _run(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=_authorities()) as http:
            while self._world.due or self._under_way:
                while self._ripe():
                    self._under_way.add(asyncio.create_task(self._deliver(http, heapq.heappop(self._world.due))))
                await asyncio.sleep(LOOK)
                self._under_way = {task for task in self._under_way if not task.done()}
                if not self._under_way and not self._ripe():
                    self._quiet.set()

    async def _deliver(self, http: httpx.AsyncClient, due: Due) -> None:
        target = self._world.target
        if target is None:
            return
        event = due.event
        if due.fetch is not None and not await _fetchable(http, due.fetch):
            left = {name: value for name, value in event.items() if name != "result"}
            event = left | {"errcode": -1008, "errmsg": "download error", "detail": []}
        for _ in range(self._world.manners.deliveries):
            await self._send(http, target, event)

    async def _send(self, http: httpx.AsyncClient, target: Target, event: dict[str, Any]) -> None:
        answers: list[str] = []
        said = {"event": event["Event"], "trace_id": event.get("trace_id"), "answers": answers, "taken": False}
        self._world.pushed.append(said)
        for _ in range(TRIES):
            query, body = packed(target, event, appid=self._world.appid)
            try:
                answer = await http.post(target.url, params=query, content=body, headers={"Content-Type": f"application/{target.form}"})
            except httpx.HTTPError as error:
                answers.append(type(error).__name__)
            else:
                answers.append(str(answer.status_code))
                if answer.status_code == 200 and answer.text in TAKEN:
                    said["taken"] = True
                    return
            await asyncio.sleep(PAUSE)


async def verified(target: Target) -> bool:
    """What the console does when an address is set: the service must say WeChat's own text back."""
    echo = secrets.token_hex(8)
    query = _signed(target) | {"echostr": echo}
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE, verify=_authorities()) as http:
        try:
            answer = await http.get(target.url, params=query)
        except httpx.HTTPError:
            return False
    return answer.status_code == 200 and answer.text == echo


def packed(target: Target, event: dict[str, Any], *, appid: str) -> tuple[dict[str, str], bytes]:
    """Query and body of one delivery."""
    message = written(event, target.form)
    query = {"openid": event["FromUserName"]}
    if target.aes_key is None:
        return query | _signed(target), message
    sealed = crypto.encrypt(message, aes_key=target.aes_key, appid=appid)
    query |= _signed(target, sealed) | {"encrypt_type": "aes"}
    return query, written({"ToUserName": event["ToUserName"], "Encrypt": sealed}, target.form)


def written(event: dict[str, Any], form: str) -> bytes:
    """JSON, or XML, where the lines of a subscription's event stand one level deeper."""
    if form == "json":
        return json.dumps(event, ensure_ascii=False).encode()
    if "List" in event:
        wrapper = re.sub("(^|_)([a-z])", lambda found: found[2].upper(), event["Event"])
        event = {name: value for name, value in event.items() if name != "List"} | {wrapper: {"List": event["List"]}}
    return f"<xml>{_tags(event)}</xml>".encode()


def _tags(values: dict[str, Any]) -> str:
    lines = ((name, line) for name, value in values.items() for line in (value if isinstance(value, list) else [value]))
    return "".join(f"<{name}>{_content(line)}</{name}>" for name, line in lines)


def _content(value: Any) -> str:
    if isinstance(value, dict):
        return _tags(value)
    return str(value) if isinstance(value, int) else "<![CDATA[{}]]>".format(str(value).replace("]]>", "]]]]><![CDATA[>"))


def _signed(target: Target, sealed: str | None = None) -> dict[str, str]:
    timestamp, nonce = str(int(time.time())), str(secrets.randbelow(10**10))
    query = {"signature": crypto.signature(target.token, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    return query if sealed is None else query | {"msg_signature": crypto.signature(target.token, timestamp, nonce, sealed)}


async def _fetchable(http: httpx.AsyncClient, url: str) -> bool:
    """WeChat has no cookies and follows no redirects; the picture must come with its bytes and be small enough."""
    size = 0
    try:
        async with http.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                size += len(piece)
                if size > PICTURE_LIMIT:
                    return False
            return answer.status_code == 200 and answer.headers.get("content-type", "").startswith("image/")
    except httpx.HTTPError:
        return False


@cache
def _authorities() -> ssl.SSLContext:
    """Read once: it takes longer than a push."""
    return ssl.create_default_context()
