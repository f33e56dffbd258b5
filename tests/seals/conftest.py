"""A chain that begins with the test, history to seal, and a hand that can change history as only the owner of the tables can."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import clock
from app.audit import service as audit_service
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import service as points_service
from app.seals import anchors, service
from app.storage.store import ObjectStore, open_store
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

Tamper = Callable[..., Awaitable[None]]
EMPTY = ("seal_pending", "seal_link", "seal_block", "seal_backlog")


@pytest.fixture
def tamper(session: AsyncSession) -> Tamper:
    """Runs statements as the owner with every trigger turned off."""

    async def run(*statements: str, **given: object) -> None:
        await session.flush()
        async with as_owner(session):
            await session.exec(sa.text("set local session_replication_role = replica"))
            for statement in statements:
                await session.exec(sa.text(statement), params={k: v for k, v in given.items() if f":{k}" in statement})
            await session.exec(sa.text("set local session_replication_role = origin"))

    return run


@pytest.fixture
async def chain(session: AsyncSession, tamper: Tamper, store: ObjectStore) -> None:
    """What earlier tests committed is sealed first; the anchors of chains that they took back are gone."""
    for key in [found.key async for page in store.listing(anchors.FOLDER) for found in page]:
        await store.delete(key)
    await tamper(*(f"delete from {table}" for table in EMPTY))
    await service.reopen(session)
    await service.seal_all(session)


@pytest.fixture
async def rider(people: People) -> Person:
    return await people.member()


@pytest.fixture
def earn(session: AsyncSession, county: County, rider: Person) -> Callable[[], Awaitable[UUID]]:
    """One award: a row of each sealed table, the entries included, in no block yet. Returns its source."""

    days = itertools.count()

    async def one() -> UUID:
        source, filed_at = new_id(), clock.now() - timedelta(days=next(days))  # another day's room each time
        await points_service.award(
            session, member_id=rider.id, rule="REPORT_ACCEPTED", source_type="report", source_id=source, source_number=None,
            area_path=county.community.path, filed_at=filed_at,
        )
        audit_service.record(session, "tests.earn", object_kind="report", object_id=source, points=10)
        await session.flush()
        return source

    return one


@pytest.fixture
async def blocks(session: AsyncSession, chain: None, earn: Callable[[], Awaitable[UUID]]) -> Sequence[int]:
    """Five blocks of an award each; their numbers."""
    made = []
    for _ in range(5):
        await earn()
        step = await service.seal(session)
        assert step.head is not None
        made.append(step.head.number)
    return made


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """A store with nothing in it."""
    opened = open_store(f"file://{quote(str(tmp_path / 'objects'))}")
    yield opened
    await opened.aclose()
