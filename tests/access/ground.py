"""The estate laid once for all tests of a module, in one transaction that ends with it; each test takes back what it did.

One module only may hold it at a time: its rows are unseen by others, but the codes of its areas make others wait.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.db.session import Database
from app.jobs.registry import HANDLERS, Context
from app.parts import session_info
from app.settings import Settings
from app.storage.store import ObjectStore
from app.wechat.client import WeChatClient
from tests.access.estate import Estate, settle
from tests.access.requests import Request, requests
from tests.support.county import make_county
from tests.support.people import People
from tests.support.savepoints import OneConnection, served_over
from tests.support.traces import undone


@pytest.fixture(scope="module")
async def ground(
    committed: Database, settings: Settings, application: FastAPI, wechat: WeChatClient, store: ObjectStore
) -> AsyncIterator[Estate]:
    async with committed.engine.connect() as connection:
        transaction = await connection.begin()
        database = OneConnection(connection, session_info(settings))
        application.state.wechat, application.state.store = wechat, store
        transport = served_over(application, database)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client, database.session() as session:
            people, county = People(session, settings), await make_county(session)
            run = runner(Context(database, wechat, store, settings))
            yield await settle(Estate(client, connection, session, county, people, run))
        await transaction.rollback()


def runner(context: Context) -> Callable[..., Awaitable[None]]:
    async def run(name: str, payload: dict[str, Any] | None = None) -> None:
        await HANDLERS[name](context, payload or {})

    return run


@pytest.fixture
async def estate(ground: Estate) -> AsyncIterator[Estate]:
    async with undone(ground.connection):
        yield ground


@pytest.fixture(scope="module")
async def asked(ground: Estate, document: dict[str, Any]) -> list[Request]:
    return requests(ground, document)
