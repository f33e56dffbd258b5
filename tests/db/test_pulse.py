"""A database that says nothing any more (reliability.md S42): what waits for it is told so, and it is found again when it speaks."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from app import health
from app.db import pulse
from app.db import session as db_session
from app.db.failures import refusal_of
from app.db.session import Database
from app.parts import session_info
from tests.trust.rig.proxy import GOOD, Fault, Proxy

PATIENCE = 10.0


@pytest.fixture
def link(database_url: str) -> Iterator[Proxy]:
    where = sa.make_url(database_url).query
    with Proxy(f"{where['host']}/.s.PGSQL.{where.get('port', '5432')}") as link:
        yield link


@pytest.fixture
def address(link: Proxy, database_url: str) -> str:
    return sa.make_url(database_url).set(host="127.0.0.1", port=link.port, query={}).render_as_string(hide_password=False)


@pytest.fixture
async def far(link: Proxy, address: str, settings) -> AsyncIterator[Database]:
    """The test's database at the other end of a link."""
    database = db_session.connect(address, info=session_info(settings), pool_size=2)
    yield database
    link.fault = GOOD
    await database.close()


async def answer(database: Database) -> int:
    async with database.reader() as session:
        return int((await session.exec(sa.text("select 42"))).scalar_one())


@pytest.mark.check("S42", tier="P")
async def test_silence_is_noticed_said_and_survived(link: Proxy, address: str, far: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"BEAT_SECONDS": 0.05, "SLICE_SECONDS": 0.1, "SLICES": 5}.items():
        monkeypatch.setattr(pulse, name, seconds)
    async with pulse.watched(address, far.engine) as beating, asyncio.timeout(PATIENCE):
        assert await answer(far) == 42 and not beating.silent
        link.fault = Fault(swallow=True)
        for _ in range(2):  # one that waits on a connection it has, one that wants a new one
            with pytest.raises((SQLAlchemyError, OSError)) as lost:
                await answer(far)
            refusal = refusal_of(lost.value)
            assert refusal is not None and refusal.status == 503 and refusal.headers["Retry-After"]
        assert beating.silent
        link.fault = GOOD
        while beating.silent:  # noqa: ASYNC110 - a short look, with a deadline around it
            await asyncio.sleep(0.02)
        assert await answer(far) == 42


@pytest.mark.variant("S42", tier="P")
async def test_without_a_pulse_one_waits_for_ever(link: Proxy, far: Database) -> None:
    assert await answer(far) == 42
    link.fault = Fault(swallow=True)
    waiting = asyncio.create_task(answer(far))
    await asyncio.wait({waiting}, timeout=0.8)
    assert not waiting.done()
    link.fault = GOOD
    assert await waiting == 42


@pytest.mark.check("S42", tier="P")
async def test_not_ready_is_said_in_time(client, application, link: Proxy, far: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    application.state.database = far
    assert (await client.get("/health/ready")).status_code == 200
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.2)
    link.fault = Fault(swallow=True)
    started = time.monotonic()
    said = await client.get("/health/ready")
    assert (said.status_code, said.json()["parts"]["database"]) == (503, "unavailable")
    assert time.monotonic() - started < 2.0  # the end of what asked takes two seconds more
    assert (await client.get("/health/live")).status_code == 200
