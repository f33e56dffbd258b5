"""WeChat's simulator as a real HTTP service on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn

from app.wechat.simulator.app import create_app
from app.wechat.simulator.server import listen


@dataclass(frozen=True)
class RunningSimulator:
    url: str
    appid: str
    secret: str
    http: httpx.AsyncClient

    async def code(self, person: str) -> str:
        """A code of `wx.login` for a named person."""
        return await self._mint({"person": person, "kind": "login"})

    async def phone_code(self, person: str, phone: str) -> str:
        """A code of the phone button."""
        return await self._mint({"person": person, "kind": "phone", "phone": phone})

    async def _mint(self, wish: dict[str, str]) -> str:
        answer = await self.http.post("/_simulator/codes", json=wish)
        answer.raise_for_status()
        return str(answer.json()["code"])


@asynccontextmanager
async def running_simulator() -> AsyncIterator[RunningSimulator]:
    appid, secret = "wx00000000000000aa", "simulated-secret-of-tests"
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(appid, secret), log_level="error", access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url) as http:
            yield RunningSimulator(url, appid, secret, http)
        server.should_exit = True
        await serving
