"""A simulator of one's own for each test, and a database with the tables of the WeChat connection and real commits."""

import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.db.session import Database, connect
from app.jobs.queue import install_statements
from app.jobs.tables import SCHEMA
from app.security.keys import KeyRing, parse
from app.wechat import rules
from app.wechat.client import WeChatClient
from app.wechat.models import WeChatPushEvent, WeChatPushNonce, WeChatQuotaStop, WeChatToken
from app.wechat.stop_store import DatabaseStopStore
from app.wechat.store import DatabaseTokenStore
from tests.wechat.fake import APPID, SECRET, Fake, serving

TABLES = [SQLModel.metadata.tables[str(model.__tablename__)] for model in (WeChatToken, WeChatQuotaStop, WeChatPushEvent, WeChatPushNonce)]
RING = KeyRing(parse("t1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), parse("t1:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="))

Join = Callable[..., WeChatClient]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PAUSES", (0.005, 0.01))


@pytest.fixture
async def join(fake: Fake, push_database: Database) -> AsyncIterator[Join]:
    """Another process of ours: a client of its own, the database in common. `sharing` False never asks what the others know of quotas."""
    joined: list[WeChatClient] = []

    def start(*, sharing: bool = True, **more: Any) -> WeChatClient:
        stops = DatabaseStopStore(push_database, APPID) if sharing else None
        joined.append(WeChatClient(fake.url, APPID, SECRET, token_store=DatabaseTokenStore(push_database), stop_store=stops, **more))
        return joined[-1]

    yield start
    for one in joined:
        await one.aclose()


@pytest.fixture
async def fake() -> AsyncIterator[Fake]:
    one = Fake()
    async with serving(one.app) as one.url, one.http:
        yield one


@pytest.fixture(scope="session")
async def push_database_url(worker_id: str) -> str:
    server, name = os.environ["XINXIN_TEST_SERVER"], f"xinxin_wechat_{worker_id}"
    await _run(server, f'drop database if exists "{name}" with (force)', f'create database "{name}"')
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    await _run(url, f"create schema if not exists {SCHEMA}", install_statements())
    database = connect(url, info={}, pool_size=1, role=None)
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: SQLModel.metadata.create_all(sync, tables=TABLES))
    await database.close()
    return url


@pytest.fixture
async def push_database(push_database_url: str) -> AsyncIterator[Database]:
    """Empty tables, real commits: several connections take part."""
    await _run(push_database_url, f"truncate {', '.join(table.name for table in TABLES)}, {SCHEMA}.pgqueuer")
    one = connect(push_database_url, info={"keys": RING}, pool_size=8, role=None)  # these few tables know no roles
    yield one
    await one.close()


async def _run(url: str, *statements: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
