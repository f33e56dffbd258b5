"""With real commits, in a database of their own: two processes freeze once; who takes a consent back while a month is being frozen."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col
from typer.testing import CliRunner

from app.auth import queries as auth_queries
from app.cli import cli
from app.db import session as db_session
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.enterprises import queries as enterprises_queries
from app.jobs.registry import Context
from app.me import service as me_service
from app.members import service as members_service
from app.members.models import Employment, Purpose
from app.parts import session_info
from app.settings import Settings
from app.statements import jobs, queries, service, workflow
from app.statements.models import EnterpriseStatement, EnterpriseStatementLine, EnterpriseStatementName
from app.statements.workflow import Month
from tests.conftest import migrated_database
from tests.statements.conftest import MADE, make_enterprise
from tests.support.county import County, make_county
from tests.support.people import People, Person

USCC = iter(f"91370882MA3C{number:06d}" for number in range(100))
VERSION = "2026-11"


@dataclass
class Place:
    settings: Settings
    one: Database
    other: Database
    county: County


@pytest.fixture(scope="module")
async def place(settings: Settings, worker_id: str) -> AsyncIterator[Place]:
    """Two processes on one database: each has its pool."""
    url = await migrated_database(f"xinxin_statements_{worker_id}")
    own = settings.model_copy(update={"database_url": url})
    one, other = (db_session.connect(url, info=session_info(own), pool_size=2) for _ in range(2))
    async with one.transaction() as session:
        county = await make_county(session)
    yield Place(own, one, other, county)
    for database in (one, other):
        await database.close()


@dataclass
class Scene:
    place: Place
    firm: UUID
    rider: Person

    async def freeze(self, session: AsyncSession) -> int:
        return await service.freeze_ended(session, enterprise=await enterprises_queries.get(session, self.firm))

    async def withdraw(self, session: AsyncSession) -> None:
        await me_service.consent(
            session, principal=self.rider.principal, purpose=Purpose.EMPLOYER_STATEMENT, version=VERSION, granted=False
        )

    async def counts(self) -> tuple[int, int, int]:
        """Months, lines, names."""
        async with self.place.one.session() as session:
            statements = sa.select(col(EnterpriseStatement.id)).where(col(EnterpriseStatement.enterprise_id) == self.firm)
            found = []
            for statement in (
                statements,
                sa.select(EnterpriseStatementLine.member_id).where(col(EnterpriseStatementLine.statement_id).in_(statements)),
                sa.select(EnterpriseStatementName.id).where(col(EnterpriseStatementName.statement_id).in_(statements)),
            ):
                found.append(len((await session.exec(statement)).all()))
        return found[0], found[1], found[2]


@pytest.fixture
async def scene(place: Place) -> Scene:
    async with place.one.transaction() as session:
        firm = await make_enterprise(session, place.county, name="并发速递", uscc=next(USCC), made=MADE)
        rider = await People(session, place.settings).member(consents=("service", "employer_statement"))
        await members_service.set_profile(session, member_id=rider.id, real_name="张三")
        session.add(Employment(member_id=rider.id, enterprise_id=firm.id, since=MADE))
    return Scene(place, firm.id, rider)


async def _careless(session: AsyncSession, month: Month) -> UUID:
    row = new_id()
    await session.exec(insert(EnterpriseStatement).values(
        id=row, enterprise_id=month.enterprise_id, enterprise_name=month.enterprise, month=month.first, frozen_at=month.frozen_at,
        members=month.members, points=month.points, corrections=month.corrections, digest=workflow.digest(month),
    ))
    return row


@pytest.mark.parametrize("careful", [True, False])
async def test_the_second_waits_for_the_first_and_finds_it_done(scene: Scene, monkeypatch, careful: bool) -> None:
    """Known bad: an insert that does not look at UNIQUE fails instead."""
    if not careful:
        monkeypatch.setattr(service, "_put_statement", _careless)

    async def second() -> int:
        async with scene.place.other.transaction() as session:
            return await scene.freeze(session)

    async with scene.place.one.transaction() as session:
        done = await scene.freeze(session)
        other = asyncio.create_task(second())
        await asyncio.wait([other], timeout=0.5)
        assert done >= 3 and not other.done()
    if careful:
        assert await other == 0
    else:
        with pytest.raises(IntegrityError):
            await other
    assert await scene.counts() == (done, done, done)


async def test_the_job_in_two_processes_freezes_once(scene: Scene) -> None:
    place = scene.place
    contexts = [Context(database, None, None, place.settings) for database in (place.one, place.other)]
    await asyncio.gather(*(jobs.freeze(context) for context in contexts))
    months, lines, names = await scene.counts()
    assert months == lines == names >= 3
    async with place.one.session() as session:
        assert await queries.behind(session) == []


async def _unlocked(session: AsyncSession, *, among: Collection[UUID]) -> list[UUID]:
    return await auth_queries.consenting(session, purpose="employer_statement", among=among)


@pytest.mark.parametrize("locks", [True, False])
async def test_who_withdraws_during_a_freezing_waits_for_it(scene: Scene, monkeypatch, locks: bool) -> None:
    """Known bad: the consent is read without a lock. Then the name is written after it was taken out everywhere."""
    if not locks:
        monkeypatch.setattr(queries, "hold_consenting", _unlocked)

    async def withdraw() -> None:
        async with scene.place.other.transaction() as session:
            await scene.withdraw(session)

    async with scene.place.one.transaction() as session:
        await scene.freeze(session)
        other = asyncio.create_task(withdraw())
        await asyncio.wait([other], timeout=0.5)
        assert other.done() is not locks
    await other
    months, lines, names = await scene.counts()
    assert months == lines and names == (0 if locks else months)


async def test_a_freezing_waits_for_who_withdraws(scene: Scene) -> None:
    async def freeze() -> int:
        async with scene.place.other.transaction() as session:
            return await scene.freeze(session)

    async with scene.place.one.transaction() as session:
        await scene.withdraw(session)
        other = asyncio.create_task(freeze())
        await asyncio.wait([other], timeout=0.5)
        assert not other.done()
    months = await other
    assert await scene.counts() == (months, months, 0)


async def test_the_operators_check(scene: Scene) -> None:
    """`scripts/manage statements --check`: content with what is there, and with exit code 1 where the owner has changed a row."""
    async with scene.place.one.transaction() as session:
        await scene.freeze(session)
    only = ("--enterprise", str(scene.firm))
    clean = await manage(scene.place.settings, *only)
    assert clean.exit_code == 0 and "与账本一致" in clean.output, clean.output
    owner = db_session.connect(str(scene.place.settings.database_url), info={}, pool_size=1, role=None)
    change = "update enterprise_statement set {} where enterprise_id = '" + str(scene.firm) + "'"
    try:
        for values, wrong in (("members = members + 1", True), ("members = members - 1", False)):
            async with owner.transaction() as session:
                await session.exec(sa.text("set local session_replication_role = replica"))
                await session.exec(sa.text(change.format(values)))
            said = await manage(scene.place.settings, "--no-files")
            assert (said.exit_code == 1) == wrong, said.output
            assert (f"第一处 / first:\n{scene.firm} {MADE:%Y-%m}: the totals" in said.output) == wrong, said.output
    finally:
        await owner.close()


async def manage(settings: Settings, *arguments: str) -> Any:
    """In a thread, as the command brings a loop of its own."""
    told = {name: getattr(settings, name) for name in ("database_url", "data_dir", "secret_keys", "field_keys", "public_base_url")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(f"XINXIN_{name.upper()}", str(value))
        return await asyncio.to_thread(CliRunner().invoke, cli, ["statements", "--check", *arguments])
