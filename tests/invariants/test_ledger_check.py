"""The operator's command on a database of its own: figures, ids, exit codes; one snapshot for all; two processes make one freeze."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.auth.roles import Role, ScopeType
from app.cli import cli
from app.db import session as db_session
from app.db.session import Database
from app.invariants import service
from app.invariants.checks import BY_CODE, CHECKS
from app.parts import session_info
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind
from app.settings import Settings
from tests.conftest import migrated_database
from tests.support.county import make_county
from tests.support.people import People, Person

BREAK = "update points_balance set available = available + 1 where member_id = :id"
MEND = "update points_balance set available = available - 1 where member_id = :id"


@dataclass
class Own:
    database: Database
    settings: Settings
    rider: Person
    admin: Person

    async def do(self, statement: str) -> None:
        async with self.database.transaction() as session:
            await session.exec(sa.text(statement), params={"id": self.rider.id})

    async def count(self, table: str) -> int:
        async with self.database.session() as session:
            return int((await session.exec(sa.text(f"select count(*) from {table}"))).scalar_one())


@pytest.fixture(scope="module")
async def own(worker_id: str, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Own]:
    """A rider with 50 points that an erasure would settle: their line needs no proposal, and gets the event that it needs."""
    url = await migrated_database(f"xinxin_ledger_check_{worker_id}")
    mine = settings.model_copy(update={"database_url": url, "data_dir": tmp_path_factory.mktemp("ledger-check")})
    database = db_session.connect(url, info=session_info(mine), pool_size=3)
    async with database.transaction() as session:
        people, county = People(session, mine), await make_county(session)
        rider = await people.member()
        admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
        balance = await ledger.lock(session, rider.id)
        reference, cause = ledger.Reference("erasure", rider.id), ledger.Cause("account_erased")
        await points_service.credit(session, rider.id, balance, 50, kind=Kind.ADJUST, reference=reference, cause=cause)
        await session.exec(
            sa.text(
                "insert into audit_event (id, actor_kind, action, object_kind, object_id, outcome, facts)"
                " values (gen_random_uuid(), 'job', 'auth.forget', 'account', :id, 'ok', '{}')"
            ),
            params={"id": rider.id},
        )
    yield Own(database, mine, rider, admin)
    await database.close()


async def ledger_check(own: Own, *options: str) -> tuple[int, str]:
    """`scripts/manage ledger-check`, in a thread, as it brings a loop of its own."""
    told = {name: getattr(own.settings, name) for name in ("database_url", "data_dir", "secret_keys", "field_keys", "public_base_url")}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in told.items():
            patch.setenv(f"XINXIN_{name.upper()}", str(value))
        done = await asyncio.to_thread(CliRunner().invoke, cli, ["ledger-check", *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


async def test_every_invariant_is_printed_with_its_figures(own: Own) -> None:
    code, said = await ledger_check(own, "--no-chain")
    assert code == 0, said
    lines = said.splitlines()
    assert lines[-1] == "账目一致 / the ledger is clean"
    shown = {line.split()[0]: line for line in lines[:-1]}
    assert list(shown) == [check.code for check in CHECKS]
    assert "1 rows" in shown["I4"] and "0 broken" in shown["I4"] and " s " in shown["I4"] and "2 rows" in shown["I2"]


async def test_what_is_broken_is_named_with_its_place_and_the_command_fails(own: Own) -> None:
    await own.do(BREAK)
    try:
        code, said = await ledger_check(own, "--no-chain")
    finally:
        await own.do(MEND)
    assert code == 1 and "NOT clean" in said
    lines = said.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("I4 "))
    assert "1 broken" in lines[at] and "BROKEN" in lines[at] and lines[at].endswith(BY_CODE["I4"].means)
    assert str(own.rider.id) in lines[at + 1] and "370899/" in lines[at + 1] and BY_CODE["I4"].title in lines[at + 1]
    assert sum("BROKEN" in line for line in lines) == 2, "the lots do not fit the balance either; all else is right"


async def test_a_check_that_cannot_be_made_fails_the_command_and_not_the_others(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ill(*_: object) -> None:
        await asyncio.sleep(0)
        raise KeyError("keys")

    monkeypatch.setattr(type(BY_CODE["I10"].scan), "figures", ill)
    code, said = await ledger_check(own, "--no-chain")
    assert code == 1 and said.count("UNCHECKED") == 2 and "KeyError" in said and said.count(" ok ") == len(CHECKS) - 2
    assert [finding.invariant.split()[0] for finding in await service.check_all(own.database)] == ["I10", "I10b"]


async def test_the_chain_is_checked_too(own: Own) -> None:
    code, said = await ledger_check(own)
    assert code == 0, said
    assert "the ledger is clean" in said and "the chain is sound" in said


async def test_all_checks_read_one_moment(own: Own) -> None:
    """Two connections, and what is committed between their reads is seen by neither."""
    async with own.database.snapshot(2) as (one, two):
        await own.do(BREAK)
        try:
            for connection in (one, two):
                seen = await connection.execute(sa.text("select available from points_balance where member_id = :id"), {"id": own.rider.id})
                assert seen.scalar_one() == 50
            with pytest.raises(sa.exc.DBAPIError, match="read-only"):
                await one.execute(sa.text(BREAK), {"id": own.rider.id})
        finally:
            await own.do(MEND)


async def test_two_processes_make_one_freeze_and_one_message(own: Own, tmp_path: Path) -> None:
    await own.do(BREAK)
    other = db_session.connect(str(own.settings.database_url), info=own.database.info, pool_size=2)
    try:
        results = await asyncio.gather(*(service.examine(database) for database in (own.database, other)))
        await asyncio.gather(*(service.react(database, found) for database, found in zip((own.database, other), results, strict=True)))
        assert await own.count("points_freeze") == 2, "I4 and I4b, each once"
        assert await own.count("message where reference_type = 'points_freeze'") == 2
        assert await own.count("audit_event where action = 'points.freeze'") == 2
    finally:
        await other.close()
        await own.do(MEND)
        await own.do("delete from points_freeze")


async def test_who_looks_first_and_then_writes_makes_two(own: Own) -> None:
    """The known-bad variant: without the unique index, two processes that both looked before either wrote freeze twice."""
    columns = "id, area_path, invariant, count, sample, version"
    insert = f"insert into points_freeze ({columns}) values (gen_random_uuid(), 'x/', 'I4', 1, array[]::text[], 1)"
    look = sa.text("select count(*) from points_freeze where area_path = 'x/' and lifted_at is null")
    owner = db_session.connect(str(own.settings.database_url), info={}, pool_size=1, role=None)
    index = "create unique index uq_points_freeze_open on points_freeze (area_path, invariant) where lifted_at is null"
    try:
        async with owner.transaction() as session:
            await session.exec(sa.text("drop index uq_points_freeze_open"))
        async with own.database.transaction() as one, own.database.transaction() as two:
            for session in (one, two):
                assert (await session.exec(look)).scalar_one() == 0
            for session in (one, two):
                await session.exec(sa.text(insert))
        assert await own.count("points_freeze") == 2
    finally:
        await own.do("delete from points_freeze")
        async with owner.transaction() as session:
            await session.exec(sa.text(index))
        await owner.close()
