"""A connection that was lost while it rested is replaced before somebody works with it; one that has just been used is not asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util.queue import AsyncAdaptedQueue

from app.db import pooling
from app.db import session as db_session
from app.settings import Settings

PID = sa.text("select pg_backend_pid()")


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    database = db_session.connect(str(settings.database_url), info={}, pool_size=2, role=None)
    yield database.engine
    await database.close()


async def pid(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(PID)).scalar_one())


async def cut(engine: AsyncEngine) -> int:
    """The connection that rests in the pool is ended by the server, which has said so; nobody here has read it yet."""
    victim = await pid(engine)
    async with engine.connect() as resting, engine.connect() as other:
        if (await resting.execute(PID)).scalar_one() != victim:
            resting, other = other, resting
        killer = sa.text("select pg_terminate_backend(:victim, 5000)").bindparams(victim=victim)
        await resting.rollback()
        assert (await other.execute(killer)).scalar_one() is True
    return victim


@pytest.mark.parametrize("rest", [0.0, 1_000.0], ids=["asked after a rest", "known by the driver"])
async def test_a_lost_connection_is_replaced(engine: AsyncEngine, rest: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "REST_SECONDS", rest)
    victim = await cut(engine)
    assert victim not in {await pid(engine) for _ in range(3)}


async def test_one_that_was_just_used_is_not_asked(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(engine.dialect, "do_ping", asked.append)
    await pid(engine)
    await pid(engine)
    assert not asked
    monkeypatch.setattr(pooling, "REST_SECONDS", 0.0)
    await pid(engine)
    assert len(asked) == 1


async def test_without_a_look_the_lost_one_is_handed_out(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant."""
    monkeypatch.setattr(pooling, "look_before_use", lambda engine: None)
    bare = db_session.connect(str(engine.url.render_as_string(hide_password=False)), info={}, pool_size=2, role=None)
    await cut(bare.engine)
    with pytest.raises(DBAPIError):
        for _ in range(3):
            await pid(bare.engine)
    await bare.close()


async def working(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(sa.text("select pg_backend_pid() from pg_sleep(0.02)"))).scalar_one())


async def crowd(engine: AsyncEngine) -> set[int]:
    """The connections that so many requests at once were given; the last of them have to wait for longer than anybody has patience."""
    return set(await asyncio.gather(*(working(engine) for _ in range(20))))


async def test_a_crowd_shares_the_connections_that_are_kept(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has no time for it, too."""
    monkeypatch.setattr(pooling, "PATIENCE_SECONDS", 5.0)
    await crowd(engine)
    assert len(await crowd(engine)) <= 2


async def test_where_nobody_waits_more_are_opened(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant."""
    monkeypatch.setattr(pooling, "PATIENCE_SECONDS", 0.0)
    assert len(await crowd(engine)) > 2


async def test_when_all_are_held_another_is_opened(engine: AsyncEngine) -> None:
    async with engine.connect() as one, engine.connect() as other:
        held = {(await connection.execute(PID)).scalar_one() for connection in (one, other)}
        assert await pid(engine) not in held


@pytest.mark.parametrize("seconds", [0.0, 1_000.0], ids=["given up", "the known-bad variant: kept"])
async def test_what_was_opened_besides_is_given_up(engine: AsyncEngine, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "GROWN_SECONDS", seconds)
    async with engine.connect(), engine.connect():
        await pid(engine)
        assert isinstance(engine.pool, pooling.MeteredPool)
        assert engine.pool.overflow() == (1 if seconds else 0)


@pytest.mark.parametrize("fair", [True, False], ids=["in line", "the known-bad variant: whoever asks takes it"])
async def test_nobody_takes_it_from_who_has_waited(engine: AsyncEngine, fair: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection comes back while one waits, and before that one has a turn another asks."""
    if not fair:
        monkeypatch.setattr(pooling.MeteredQueue, "put_nowait", AsyncAdaptedQueue.put_nowait)
    served: list[str] = []

    async def asking(who: str) -> None:
        async with engine.connect():
            served.append(who)

    async with engine.connect() as first, engine.connect():
        waits = asyncio.create_task(asking("waits"))
        await asyncio.sleep(0)
        assert cast(pooling.MeteredPool, engine.pool).waiting == 1
        await first.close()
        await asyncio.gather(waits, asking("comes later"))
    assert (served == ["waits", "comes later"]) is fair


async def test_who_has_waited_for_as_long_as_anybody_may_is_told(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where connections come back all the time: to others, who were first."""
    monkeypatch.setattr(engine.pool, "_timeout", 0.1)
    told = await asyncio.gather(*(working(engine) for _ in range(40)), return_exceptions=True)
    assert {type(one) for one in told} == {int, sa.exc.TimeoutError}


async def test_who_gives_up_takes_no_connection_along(engine: AsyncEngine) -> None:
    async with engine.connect(), engine.connect():
        waiting = [asyncio.create_task(pid(engine)) for _ in range(3)]
        await asyncio.sleep(0)
    for one in waiting:  # what has just come back is on its way to them
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(engine.pool, pooling.MeteredPool)
    assert (engine.pool.checkedout(), engine.pool.checkedin()) == (0, 2)
