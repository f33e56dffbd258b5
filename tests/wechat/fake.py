"""A running simulator that tests can speak with."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.wechat.simulator import create_app
from app.wechat.simulator.server import listen

APPID, SECRET = "wxb11529c136998cb6", "f" * 32


class Server(uvicorn.Server):
    """Leaves the signals to pytest, and ends within milliseconds."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ended = asyncio.Event()

    async def main_loop(self) -> None:
        await self.ended.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    with listen("127.0.0.1", 0) as listener:
        server = Server(uvicorn.Config(app, access_log=False, log_config=None, lifespan="off", interface="asgi3"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.ended.set()
            await running


class Fake:
    """A running simulator. `lapse` seconds are added to its clock."""

    def __init__(self) -> None:
        self.lapse = 0.0
        self.restart()
        self.url = ""
        self.http = httpx.AsyncClient(verify=False)  # spares reading the certificates for each test

    def restart(self) -> None:
        """WeChat forgets everything that it kept in memory."""
        self._app = create_app(APPID, SECRET, clock=self.clock)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def clock(self) -> float:
        return time.time() + self.lapse

    async def code(self, person: str, kind: str = "login", **more: Any) -> str:
        answer = await self.http.post(f"{self.url}/_simulator/codes", json={"person": person, "kind": kind, **more})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["code"])

    async def phone_code(self, person: str, phone: str | None = None, **more: Any) -> str:
        return await self.code(person, "phone", **({"phone": phone} if phone else {}), **more)

    async def fault(self, path: str, **what: Any) -> None:
        answer = await self.http.post(f"{self.url}/_simulator/faults", json={"path": path, **what})
        assert answer.status_code == 204, answer.text

    async def order(self, name: str, **what: Any) -> Any:
        """One of the simulator's other wishes, and what it tells."""
        answer = await self.http.post(f"{self.url}/_simulator/{name}", json=what)
        assert answer.status_code in (200, 204), answer.text
        return answer.json() if answer.status_code == 200 else None

    async def openid(self, person: str) -> str:
        """Of somebody who has just signed in."""
        told = await self.get("/sns/jscode2session", appid=APPID, secret=SECRET, js_code=await self.code(person),
                              grant_type="authorization_code")
        return str(told.json()["openid"])

    async def seen(self, what: str) -> Any:
        return (await self.http.get(f"{self.url}/_simulator/{what}")).json()

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(self.url + path, params=params)

    async def token(self) -> str:
        asked = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
        return str((await self.http.post(f"{self.url}/cgi-bin/stable_token", json=asked)).json()["access_token"])

    async def post(self, path: str, body: Any, *, token: str | None = None) -> Any:
        answer = await self.http.post(self.url + path, params={"access_token": token or await self.token()}, json=body)
        assert answer.status_code == 200
        return answer.json()
