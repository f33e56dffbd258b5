"""Two phones of one person, with real commits: the same employer does not begin twice."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession, Database
from app.errors import AlreadyExists
from app.members import queries, service
from app.members.models import Employment, Member
from app.members.schemas import EmployerIn
from app.members.service import work
from app.settings import Settings
from tests.support.people import People

TOLD = EmployerIn(name="并发单位")


@pytest.fixture
async def rider(committed: Database, settings: Settings) -> AsyncIterator[UUID]:
    async with committed.transaction() as session:
        person = await People(session, settings).member()
    yield person.id
    async with committed.transaction() as session:
        await session.exec(sa.delete(Employment).where(col(Employment.member_id) == person.id))


async def _unlocked(session: AsyncSession, *, member_id: UUID) -> Member | None:
    return await queries.get(session, member_id=member_id)


@pytest.mark.parametrize("locks", [True, False])
async def test_the_second_phone_waits_for_the_first(committed: Database, monkeypatch, rider: UUID, locks: bool) -> None:
    """A written name has no UNIQUE: the member's lock is what stands between. Known bad: the member is read without it."""
    if not locks:
        monkeypatch.setattr(work, "locked", _unlocked)

    async def second() -> None:
        async with committed.transaction() as session:
            await service.begin_work(session, member_id=rider, told=TOLD)

    async with committed.transaction() as session:
        await service.begin_work(session, member_id=rider, told=TOLD)
        other = asyncio.create_task(second())
        await asyncio.wait([other], timeout=0.5)
        assert other.done() is not locks
    if locks:
        with pytest.raises(AlreadyExists):
            await other
    async with committed.transaction() as session:
        assert len(await queries.employments(session, member_id=rider)) == (1 if locks else 2)
