"""S27 at its full size: ten thousand requests of twenty tenants on five connections, with the queries' own filter taken away."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlmodel import col

from app import clock
from app.auth.models import Account, AuthSession
from app.auth.principal import AccountKind
from app.db import session as db_session
from app.db.acting import NOBODY, SERVICE
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.messages import queries as messages_queries
from app.messages.models import Category, Message
from app.parts import session_info
from app.security import tokens
from app.settings import Settings

TENANTS, REQUESTS, AT_ONCE, CONNECTIONS = 20, 10_000, 25, 5
INBOX = "/api/v1/messages"
Signed = dict[UUID, dict[str, str]]


async def inbox_of_everybody(session: AsyncSession, *, limit: int, **_filters: Any) -> Any:
    """The data layer as it must not be."""
    return (await session.exec(sa.select(Message).order_by(col(Message.id).desc()).limit(limit + 1))).scalars().all()


@pytest.fixture
async def signed(committed: Database, settings: Settings) -> AsyncIterator[Signed]:
    now, ring, issuer = clock.now(), committed.info["keys"], tokens.issuer(settings.env)
    people = {new_id(): new_id() for _ in range(TENANTS)}
    async with committed.transaction() as session:
        session.add_all(Account(id=one, kind=AccountKind.WECHAT, consented=["service"]) for one in people)
        await session.flush()
        for one, life in people.items():
            session.add(AuthSession(id=life, account_id=one, expires_at=now + timedelta(hours=8), last_used_at=now))
            session.add(Message(member_id=one, category=Category.SYSTEM, title="标题", body=f"canary-{one}"))
    yield {
        one: {"Authorization": f"Bearer {tokens.issue(ring.secret, issuer=issuer, account_id=one, session_id=life)}"}
        for one, life in people.items()
    }
    async with committed.transaction() as session:
        for table, column in ((Message, Message.member_id), (AuthSession, AuthSession.account_id), (Account, Account.id)):
            await session.exec(sa.delete(table).where(col(column).in_(people)))


async def crossed(application: FastAPI, settings: Settings, signed: Signed, *, walled: bool = True) -> tuple[int, int]:
    """(answers, answers that hold a word of somebody else or lack one's own)."""
    pool = db_session.connect(
        str(settings.database_url), info=session_info(settings), pool_size=CONNECTIONS, acting_for=NOBODY if walled else SERVICE
    )
    pool.engine.pool._max_overflow, pool.engine.pool._timeout = 0, 60  # type: ignore[attr-defined]
    application.state.database = pool
    chance, answered, wrong, gate = random.Random(27), 0, 0, asyncio.Semaphore(AT_ONCE)

    async def one(client: httpx.AsyncClient, me: UUID, writes: bool) -> None:
        nonlocal answered, wrong
        async with gate:
            if writes:
                answer = await client.post(f"{INBOX}/read-all", headers=signed[me])
                answered += answer.status_code < 500
                return
            answer = await client.get(INBOX, headers=signed[me])
        said = answer.text
        answered += answer.status_code == 200
        wrong += f"canary-{me}" not in said or any(f"canary-{other}" in said for other in signed if other != me)

    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://test") as client:
            who = list(signed)
            await asyncio.gather(*(one(client, chance.choice(who), chance.random() < 0.2) for _ in range(REQUESTS if walled else 200)))
    finally:
        await pool.close()
    return answered, wrong


@pytest.mark.check("S27", tier="N")
async def test_ten_thousand_requests_of_twenty_tenants_on_five_connections(
    application: FastAPI, settings: Settings, signed: Signed, monkeypatch: pytest.MonkeyPatch, measured: Any
) -> None:
    monkeypatch.setattr(messages_queries, "inbox", inbox_of_everybody)
    answered, wrong = await crossed(application, settings, signed)
    measured("answers with another tenant's word", wrong)
    assert (answered, wrong) == (REQUESTS, 0)


@pytest.mark.variant("S27", tier="N")
async def test_without_the_second_wall_they_read_each_other(
    application: FastAPI, settings: Settings, signed: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: whoever signs in acts as the service."""
    monkeypatch.setattr(messages_queries, "inbox", inbox_of_everybody)
    monkeypatch.setattr("app.auth.work.Work.reader_of_caller", property(lambda work: work.reader))
    monkeypatch.setattr("app.auth.queries.acting_for", lambda _: SERVICE)
    monkeypatch.setattr("app.db.acting.NOBODY", SERVICE)
    _, wrong = await crossed(application, settings, signed, walled=False)
    assert wrong > 0
