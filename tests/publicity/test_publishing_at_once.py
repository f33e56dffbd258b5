"""Two processes publish one quarter at once, with real commits: the list is made once, and both find it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area, Level
from app.db.session import Database
from app.publicity import queries, service
from app.publicity.models import PublicityList
from tests.publicity.conftest import LAST
from tests.races.judges import one_winner
from tests.races.naive import scratch


@pytest.fixture
async def tenant(committed: Database) -> AsyncIterator[Area]:
    """A county of its own, taken away at the end."""
    area = Area(level=Level.COUNTY, code="370897", name="并发县", path="370897/")
    async with committed.transaction() as session:
        session.add(area)
    yield area
    async with committed.transaction() as session:
        await session.exec(sa.delete(PublicityList).where(col(PublicityList.area_id) == area.id))
        await session.exec(sa.delete(Area).where(col(Area.id) == area.id))


async def test_two_processes_publish_once(committed: Database, tenant: Area) -> None:
    both = asyncio.Barrier(2)

    async def run() -> tuple[str, object]:
        async with committed.transaction() as session:
            await session.exec(sa.select(1))
            await both.wait()
            came = "ok" if await service.publish(session, tenant=tenant, quarter=LAST) else "there"
            found = await queries.found(session, area_id=tenant.id, quarter=LAST)
            return came, found and found.id

    one, other = await asyncio.gather(run(), run())
    one_winner([one[0], other[0]], "there")
    assert one[1] is not None and one[1] == other[1]


async def test_without_the_key_each_publishes(database_url: str) -> None:
    async with scratch(database_url, "year int, quarter int", "0, 0") as table:
        came = await table.race(
            "select count(*) from {table} where year = 2026", may=lambda seen: seen == 0, writes=["insert into {table} values (2026, 3)"],
            loser="there",
        )
    with pytest.raises(AssertionError):
        one_winner(came, "there")
