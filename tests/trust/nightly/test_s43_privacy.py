"""S43 on a really running service: a crowd of canaries lives through its features, and nothing that it writes beside its tables says a word
of theirs; a part of them leaves, and nothing says a word of those any more, in a restored backup neither.

The depth (every feature's every word, by one person) is in tests/journeys/test_canaries.py; here are the numbers and the processes.
"""

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa

from app.db import session as db_session
from app.db.embedded import serve
from app.db.session import Database
from app.jobs.registry import PERIODIC, Context
from app.parts import session_info
from app.security import sealing
from app.settings import Settings
from tests.support.canaries import SEALED, dump, leaks, looks_sealed, objects, opened
from tests.support.newcomer import World, county_of
from tests.support.service import Service
from tests.trust.nightly.test_s17_backup import Copy
from tests.trust.plugin import Measure
from tests.trust.rig.crowd import LEAVING, STAYING, STEMS, Crowd, hashed, left, raw, said, stems
from tests.trust.rig.storm import refresh

PEOPLE = int(os.environ.get("TRUST_PEOPLE", "400"))  # a thousand take a quarter of an hour on two cores
LEAVE = max(4, min(100, PEOPLE // 4))
METRICS = "metrics-token-of-the-night"
SUMS = """
select coalesce(sum(amount) filter (where member_id is null), 0), coalesce(sum(abs(amount)), 0), count(*) from points_entry
 where member_id is null or member_id <> all ($1::uuid[])"""
ERASE_SECONDS = 240.0


@dataclass
class Night:
    service: Service
    world: World
    crowd: Crowd
    database: Database
    temporary: Path
    sums: list[tuple[int, ...]] = field(default_factory=list)
    metrics: bytes = b""

    @property
    def leaving(self) -> list[str]:
        return [person.caller.id for person in self.crowd.of(LEAVING)]


@pytest.fixture(scope="module")
async def night() -> AsyncIterator[Night]:
    """All of them have lived, a backup was taken, and nobody has left."""
    with tempfile.TemporaryDirectory(prefix="xinxin-canaries-") as temporary, pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", temporary)
        service = Service(workers=2, metrics_token=METRICS)
        try:
            service.start()
            info = session_info(Settings(data_dir=service.data)) | {"actor": {"kind": "job"}}
            database = db_session.connect(service.database_url, info=info, pool_size=3, statement_timeout_ms=60_000)
            async with county_of(service) as world:
                crowd = Crowd(world, {LEAVING: LEAVE, STAYING: PEOPLE - LEAVE})
                await crowd.live()
                yield Night(service, world, crowd, database, Path(temporary))
            await database.close()
            assert await asyncio.to_thread(service.stop) == 0
        finally:
            await asyncio.to_thread(service.remove)


async def owner(night: Night) -> "asyncpg.Connection[Any]":
    return await asyncpg.connect(night.service.database_url)


@pytest.mark.check("S43")
async def test_nothing_is_said_beside_the_tables(night: Night, measured: Measure) -> None:
    """And in the tables all of it is sealed."""
    words = stems(LEAVING) + stems(STAYING)
    metrics = await night.world.http.get("/metrics", headers={"Authorization": f"Bearer {METRICS}"})
    assert metrics.status_code == 200
    measured("canary people", len(night.crowd.people))
    measured("refused requests with their words", len(night.crowd.errors))
    assert max(night.crowd.errors) < 500
    found = left([("metrics", metrics.content), *said(night.service, night.temporary)], words)
    text = await asyncio.to_thread(dump, night.service.database_url)
    found += left([("pg_dump", text)], words) + hashed(night.crowd.people, text)
    shown = [(key, data) for key, data in objects(night.service.data / "objects") if not key.startswith("originals/")]
    found += left(shown, words)
    found += await asyncio.to_thread(raw, night.service.data / "postgres" / "data", words)
    measured("dump", round(len(text) / 1e6, 1), "MB")
    measured("objects looked at", len(shown))
    measured("words found in clear", len(found))
    assert found == [], "\n".join(found[:40])
    async with night.database.session() as session:
        values = b"\n".join(value for _, value in await opened(session))
    unwritten = [word.name for word in words if word.name != "photo marker" and not leaks(values, [word])]
    assert unwritten == [], "otherwise there would have been nothing to find"


@pytest.mark.check("S43", part=True)
async def test_a_value_in_another_row_does_not_open(night: Night, measured: Measure) -> None:
    """Every sealed column: each value opens in no row but its own. And the service, asked for such a row, tells nobody's number."""
    tried = 0
    async with night.database.session() as session:
        for table, column, ids in (await session.exec(sa.text(SEALED))).all():
            picked = ", ".join(f'"{name}"' for name in (column, *ids))
            rows = (await session.exec(sa.text(f'select {picked} from "{table}" where "{column}" is not null limit 40'))).all()
            for one, other in itertools.pairwise(rows):
                if not looks_sealed(session, bytes(one[0])):
                    continue
                foreign = {row for row in other[1:] if row is not None} - set(one[1:])
                for row in foreign:
                    for name in (column, column.removesuffix("_sealed")):
                        with pytest.raises(sealing.Unsealable):
                            sealing.unseal_bytes(session, bytes(one[0]), table=table, column=name, row=row)
                        tried += 1
    measured("values tried in other rows", tried)
    assert tried > 200
    await _swapped(night)


async def _swapped(night: Night) -> None:
    first, second = night.crowd.of(STAYING)[:2]
    connection = await owner(night)
    swap = "update account a set phone_sealed = b.phone_sealed from account b where a.id = $1 and b.id = $2"
    kept = await connection.fetchval("select phone_sealed from account where id = $1", first.caller.id)
    try:
        await connection.execute(swap, first.caller.id, second.caller.id)
        answer = await first.caller.send("GET", "/members/me")
        assert answer.status_code >= 500 or second.phone[-4:] not in answer.text, answer.text
        assert not left([("answer", answer.content), ("log", night.service.log.read_bytes())], stems(STAYING)[:1])
    finally:
        await connection.execute("update account set phone_sealed = $2 where id = $1", first.caller.id, kept)
        await connection.close()


@pytest.mark.check("S43", part=True)
async def test_who_has_left_is_nowhere(night: Night, measured: Measure) -> None:
    backup = await asyncio.to_thread(night.service.manage, "backup")
    assert backup.returncode == 0, backup.stdout
    connection = await owner(night)
    before = await connection.fetchrow(SUMS, night.leaving)
    moment = await connection.fetchval("select clock_timestamp()")
    for person in night.crowd.of(LEAVING):
        await refresh(person.caller)  # the first of them came many minutes ago
        await person.caller.does("DELETE", "/members/me")
    began = time.monotonic()
    await erase(night, connection)
    measured("erased", len(night.leaving))
    measured("erasing took", round(time.monotonic() - began, 1), "s")
    after = await connection.fetchrow(SUMS, night.leaving)
    await connection.close()
    assert after[2] - before[2] <= 4 * len(night.leaving), "others' entries: what settles the points of those who left"
    text = await asyncio.to_thread(dump, night.service.database_url)
    async with night.database.session() as session:
        sealed = [(place, value) for place, value in await opened(session) if place != "idempotency_key.body"]
    found = left([("pg_dump", text), ("sealed", b"\n".join(value for _, value in sealed))], stems(LEAVING))
    found += left(objects(night.service.data / "objects"), stems(LEAVING))
    measured("traces of the erased", len(found))
    assert found == [], "\n".join(found[:40])
    assert leaks(b"\n".join(value for _, value in sealed), stems(STAYING)[:1]), "those who stay are still there"
    checked = await asyncio.to_thread(night.service.manage, "ledger-check")
    assert checked.returncode == 0, checked.stdout
    await _restored(night, moment.isoformat(timespec="milliseconds")[:-6], measured)


async def erase(night: Night, connection: "asyncpg.Connection[Any]") -> None:
    """A week passes for them, and the evening's job comes; the worker of the service does the rest."""
    await connection.execute("update account set erase_on = current_date - 1 where id = any($1::uuid[])", night.leaving)
    await PERIODIC["me.erase_due"][1](Context(night.database, None, None, Settings(data_dir=night.service.data)))
    done = "select count(*) from account where id = any($1::uuid[]) and status = 'erased'"
    async with asyncio.timeout(ERASE_SECONDS):
        while await connection.fetchval(done, night.leaving) < len(night.leaving):  # noqa: ASYNC110 - a look at a table, with a deadline
            await asyncio.sleep(0.5)
        while await connection.fetchval("select count(*) from jobs.pgqueuer where entrypoint = 'upload.delete_objects'"):  # noqa: ASYNC110
            await asyncio.sleep(0.5)


async def _restored(night: Night, moment: str, measured: Measure) -> None:
    """To a moment when they were still there: the newest journal erases them again before anybody sees it."""
    taken = await asyncio.to_thread(night.service.manage, "backup")
    assert taken.returncode == 0, taken.stdout
    copy = Copy(night.service)
    try:
        told = await asyncio.to_thread(copy.restore, "--to-time", moment)
        assert told.returncode == 0 and f"erased again {len(night.leaving)}" in told.stdout, told.stdout
        with serve(copy.data) as address:
            text = await asyncio.to_thread(dump, address)
        found = left([("pg_dump of the restored", text)], stems(LEAVING))
        measured("traces in the restored", len(found))
        assert found == [], "\n".join(found[:40])
    finally:
        await asyncio.to_thread(copy.remove)


@pytest.mark.variant("S43")
def test_a_word_in_a_log_is_found_however_it_is_written() -> None:
    phone = f"{STEMS[LEAVING][0]}0007"
    escaped = "".join(f"\\u{ord(one):04x}" for one in "禤雀羽甲")
    for written in (phone, phone.encode().hex(), phone.encode("utf-16-le").hex(), phone[::-1], escaped):
        assert left([("log", written.encode())], stems(LEAVING)), written
