"""Figures are true over several processes, tell nothing about anybody, and do not grow without end."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from app import figures, vitals
from app.db import session as db_session
from app.db.pooling import MeteredPool
from app.middleware import metrics
from app.settings import Settings
from app.storage.store import open_store
from app.wechat import transport
from tests.support.service import ROOT

TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}
CANARY = "13912345678"
COUNTS = """
import sys
from app import figures
figures.REFUSALS.labels("busy").inc()
figures.POOL_USED.labels("api").set(3)
if sys.argv[1:]:
    from app.middleware import metrics
    if sys.argv[1] == "naive":
        metrics._forget_the_dead = lambda folder: None
    sys.stdout.write(metrics.exposition().decode())
"""


def told_by(folder: Path, *last: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", COUNTS, *last], cwd=ROOT, env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}, capture_output=True,
        text=True, check=True,
    )
    return done.stdout


def test_what_was_counted_stays_and_what_a_dead_process_held_goes(tmp_path: Path) -> None:
    """The second asker is the known-bad one: it counts the connections of processes that are gone."""
    told_by(tmp_path)
    told = told_by(tmp_path, "honest")
    assert 'xinxin_refusals_total{code="busy"} 2.0' in told and 'xinxin_pool_connections_used{process="api"} 3.0' in told
    told = told_by(tmp_path, "naive")
    assert 'xinxin_refusals_total{code="busy"} 3.0' in told and 'xinxin_pool_connections_used{process="api"} 6.0' in told


async def test_labels_hold_no_word_of_anybody(client: httpx.AsyncClient) -> None:
    for path in (f"/api/v1/{CANARY}", f"/api/v1/reports/{CANARY}", f"/{CANARY}?phone={CANARY}", "/api/v1/areas"):
        await client.get(path, headers={"X-Request-ID": CANARY, "User-Agent": CANARY})
    await client.request(f"M{CANARY}", "/api/v1/areas")
    shown = (await client.get("/metrics", headers=TOKEN)).text
    assert CANARY not in shown
    assert 'method="other"' in shown and 'route="unmatched"' in shown
    assert 'xinxin_request_seconds_count{class="2xx",method="GET",route="/api/v1/areas"}' in shown


async def test_series_do_not_grow_with_what_is_asked(client: httpx.AsyncClient) -> None:
    async def series() -> int:
        return len((await client.get("/metrics", headers=TOKEN)).text.splitlines())

    async def ask(number: int) -> None:
        await client.get(f"/api/v1/nowhere-{number}")
        await client.request(f"VERB{number}", "/api/v1/areas")
        transport.CALLS.labels("send", transport._outcome(900_000 + number)).inc()

    await ask(0)
    await series()
    before = await series()
    for number in range(1, 30):
        await ask(number)
    assert await series() == before


async def test_who_waits_for_a_connection_is_seen(settings: Settings) -> None:
    database = db_session.connect(str(settings.database_url), info={}, pool_size=1)
    pool = database.engine.pool
    assert isinstance(pool, MeteredPool) and pool.most == 3
    waits = figures.POOL_WAIT._sum.get()
    held = [await database.engine.connect() for _ in range(3)]

    async def one_more() -> None:
        async with database.engine.connect() as connection:
            await connection.execute(sa.text("select 1"))

    late = asyncio.create_task(one_more())
    for _ in range(1_000):
        if not pool.waiting:
            await asyncio.sleep(0)
    vitals.note(database.engine, "test")
    assert figures.POOL_WAITING.labels("test")._value.get() == 1 and figures.POOL_USED.labels("test")._value.get() == 3
    assert figures.MEMORY.labels("test")._value.get() > 20e6 and figures.DESCRIPTORS.labels("test")._value.get() > 3
    for connection in held:
        await connection.close()
    await late
    assert pool.waiting == 0 and figures.POOL_WAIT._sum.get() > waits
    await database.close()


async def test_a_loop_that_stands_still_is_seen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals, "BEAT_SECONDS", 0.01)
    database = db_session.connect(str(settings.database_url), info={}, pool_size=1)
    lag = figures.LOOP_LAG.labels("lagging")
    async with vitals.watched(database.engine, "lagging"):
        await asyncio.sleep(0.05)
        assert lag._sum.get() < 0.1
        asyncio.get_running_loop().call_soon(lambda: time.sleep(0.15))
        for _ in range(200):
            if lag._sum.get() < 0.1:
                await asyncio.sleep(0.01)
    assert 0.1 <= lag._sum.get() < 2
    await database.close()


async def test_refusals_are_counted_where_they_are_made(client: httpx.AsyncClient, tmp_path: Path) -> None:
    before = figures.REFUSALS.labels("unauthenticated")._value.get()
    await client.get("/api/v1/points/freezes")
    assert figures.REFUSALS.labels("unauthenticated")._value.get() == before + 1
    store = open_store(f"file://{tmp_path}")
    failed = figures.STORAGE_ERRORS.labels("put", "busy")
    seen = failed._value.get()
    await store.put("a/b", b"1")
    with pytest.raises(Exception, match="busy"):
        await store.put("a/b", b"2")
    assert failed._value.get() == seen + 1
    assert b"xinxin_storage_errors_total" in metrics.exposition()
