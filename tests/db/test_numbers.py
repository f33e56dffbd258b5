"""Numbers: distinct, counted anew each day, and nobody waits for somebody's commit; the previous release's beside ours."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app import clock
from app.db import numbers
from app.db import session as db_session
from app.db.session import AsyncSession, Database
from tests.support.owner import as_owner

DRAWERS = 20
TODAY = f"{clock.today():%Y%m%d}"
# How the release before 0039 drew a number.
BEFORE = sa.text("""
insert into day_number as n (prefix, day, last) values ('A', (clock_timestamp() at time zone 'Asia/Shanghai')::date, 1)
on conflict (prefix, day) do update set last = n.last + 1
returning to_char(day, 'YYYYMMDD'), last""")


@pytest.fixture
async def wide(committed: Database) -> AsyncIterator[Database]:
    """So many connections that all draw at once. What they drew is rolled back; a sequence gives it to nobody again."""
    database = db_session.connect(str(committed.engine.url.render_as_string(hide_password=False)), info={}, pool_size=DRAWERS)
    yield database
    await database.close()


async def draw(database: Database, met: asyncio.Barrier, how=numbers.NEXT) -> str:
    """Draws, and commits nothing before everybody has drawn: whoever waited for a commit would wait for ever."""
    async with database.session() as session:
        await session.exec(sa.text("set local lock_timeout = '500ms'"))
        row = (await session.exec(how, params={"prefix": "A"} if how is numbers.NEXT else {})).one()
        await met.wait()
        await session.rollback()
        return row[0] if how is numbers.NEXT else f"A{row[0]}-{row[1]:06d}"


async def yesterday(engine: AsyncEngine, letter: str) -> None:
    """Puts a sequence back to the last day, as the first draw of a day finds it."""
    async with engine.begin() as connection, as_owner(connection):
        await connection.execute(sa.text(
            f"select setval('number_{letter}', (current_date - date '2000-01-02') * 1000000000::bigint + 41)"
        ))


async def test_twenty_draw_at_the_turn_of_a_day_and_nobody_waits(wide: Database) -> None:
    await yesterday(wide.engine, "a")
    met = asyncio.Barrier(DRAWERS)
    async with asyncio.timeout(10):
        drawn = await asyncio.gather(*(draw(wide, met) for _ in range(DRAWERS)))
    assert len(set(drawn)) == DRAWERS and all(re.fullmatch(rf"A{TODAY}-0000\d\d", number) for number in drawn), sorted(drawn)
    assert min(drawn) == f"A{TODAY}-000001"


async def test_a_counter_row_makes_everybody_wait(wide: Database) -> None:
    """The known-bad variant: the statement of the release before, and only two of them."""
    met = asyncio.Barrier(2)
    first, second = (asyncio.create_task(draw(wide, met, BEFORE)) for _ in range(2))
    done, _ = await asyncio.wait((first, second), return_when=asyncio.FIRST_COMPLETED, timeout=5)
    await met.abort()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert done and any(isinstance(one, DBAPIError) and one.orig.sqlstate == "55P03" for one in results), results


async def test_the_previous_release_counts_far_above(connection: AsyncConnection) -> None:
    session = AsyncSession(connection)
    old = [(await connection.execute(BEFORE)).one()[1] for _ in range(3)]
    assert [number - old[0] for number in old] == [0, 1, 2] and old[0] > 500_000
    assert int((await numbers.next_number(session, "A")).split("-")[1]) < 500_000


async def test_a_number_of_more_than_six_digits_is_told_whole_and_an_unknown_letter_refused(connection: AsyncConnection) -> None:
    session = AsyncSession(connection)
    await numbers.next_number(session, "A")  # of today, whoever drew before
    async with as_owner(connection):
        await connection.execute(sa.text("select setval('number_a', nextval('number_a') / 1000000000 * 1000000000 + 999999)"))
    assert await numbers.next_number(session, "A") == f"A{TODAY}-1000000"
    async with as_owner(connection):  # a sequence does not roll back
        await connection.execute(sa.text("select setval('number_a', nextval('number_a') / 1000000000 * 1000000000 + 20)"))
    with pytest.raises(DBAPIError):
        await numbers.next_number(session, "Q")


def test_each_letter_has_its_sequence() -> None:
    """The migrations make what the code draws from."""
    root = Path(__file__).resolve().parents[2]
    asked = {
        letter for path in (root / "app").rglob("*.py")
        for letter in re.findall(r'next_number\(session, (?:prefix=)?"(\w)"', path.read_text())
    }
    made = "".join(path.read_text() for path in (root / "migrations/versions").glob("*.py"))
    [first] = re.findall(r'PREFIXES = \((.+)\)', made)
    assert asked <= set(re.findall(r'"(\w)"', first)) | {letter.upper() for letter in re.findall(r"create sequence number_(\w)\b", made)}
