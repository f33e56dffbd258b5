"""For whom a pooled connection acts: twenty people take turns on few connections, and none finds another's rows (S27)."""

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import AccountKind
from app.db import acting, roles
from app.db import session as db_session
from app.db.acting import NOBODY, Reason
from app.db.base import new_id
from app.db.prepared import Line
from app.db.session import Database
from app.messages.models import Category, Message
from app.parts import session_info
from app.settings import Settings

TENANTS, CONNECTIONS, TURNS = 20, 5, 300


class Broken(Exception):
    """What a turn fails with on purpose."""


@pytest.fixture
async def tenants(committed: Database) -> AsyncIterator[list[UUID]]:
    """Accounts with a message each, really committed, and taken away again."""
    ids = [new_id() for _ in range(TENANTS)]
    async with committed.transaction() as session:
        session.add_all(Account(id=one, kind=AccountKind.WECHAT) for one in ids)
        await session.flush()
        session.add_all(Message(member_id=one, category=Category.SYSTEM, title="标题", body=str(one)) for one in ids)
    yield ids
    async with committed.transaction() as session:
        await session.exec(sa.delete(Message).where(col(Message.member_id).in_(ids)))
        await session.exec(sa.delete(Account).where(col(Account.id).in_(ids)))


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator[Database]:
    made = db_session.connect(str(settings.database_url), info=session_info(settings), pool_size=CONNECTIONS, acting_for=NOBODY)
    made.engine.pool._max_overflow = 0  # type: ignore[attr-defined]
    made.engine.pool._timeout = 60  # type: ignore[attr-defined]
    yield made
    await made.close()


async def turn(pool: Database, me: UUID | None, chance: random.Random) -> set[UUID]:
    """Whose messages a session without any filter finds: a reader's or a transaction's, which may fail or be cancelled on the way."""
    writes, fails = chance.random() < 0.4, chance.random() < 0.2
    told = acting.for_account(me, [], []) if me else NOBODY
    session = pool.session(**{acting.INFO: told}) if writes else pool.reader()
    async with session:
        session.info[acting.INFO] = told
        found = set((await session.exec(sa.select(col(Message.member_id)))).scalars())
        if fails:
            raise Broken(found - {me})
        if writes:
            await session.commit()
            found |= set((await session.exec(sa.select(col(Message.member_id)))).scalars())
    return found


async def foreign(pool: Database, tenants: list[UUID], turns: int) -> int:
    """In how many of so many turns, all at once, somebody found less or more than their own."""
    chance, wrong = random.Random(27), 0

    async def one() -> None:
        nonlocal wrong
        me = chance.choice([*tenants, None])
        try:
            found = await turn(pool, me, chance)
        except Broken as broken:
            wrong += bool(broken.args[0])
        else:
            wrong += found != ({me} if me else set())

    await asyncio.gather(*(one() for _ in range(turns)))
    return wrong


@pytest.mark.check("S27", tier="P")
async def test_nobody_inherits_what_a_connection_was_told_before(pool: Database, tenants: list[UUID]) -> None:
    assert await foreign(pool, tenants, TURNS) == 0


@pytest.mark.variant("S27")
async def test_a_connection_that_is_taken_as_it_was_left_is_found(
    pool: Database, tenants: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: a reader's word outlives it, and the next user does not look."""
    said = acting.enter

    def forgetful(info: dict[object, object], line: Line, lock: str | None) -> bool:
        return True if line.known.get(acting.INFO) else said(info, line, lock)

    monkeypatch.setattr(acting, "enter", forgetful)
    assert await foreign(pool, tenants, TURNS // 2) > 0


@pytest.mark.check("S27", tier="P")
async def test_who_signs_in_on_a_connection_that_was_the_services_is_themselves(pool: Database, tenants: list[UUID]) -> None:
    """A reader that acted as the service leaves the role on its connection; the caller's own statement is the next one's first."""
    role = sa.text("select current_user::text, pg_backend_pid()")
    async with pool.reader() as reader:
        await acting.as_service(reader, Reason.AROUND)
        served, connection = (await reader.exec(role)).one()
    assert served == roles.SERVICE
    async with pool.reader() as reader:
        reader.info[acting.INFO] = acting.LATER
        asked = "select count(*) from signed_in(:nobody, :account, null, true, true)"
        await reader.exec(sa.text(asked), params={"nobody": new_id(), "account": tenants[0]})
        (await reader.connection()).sync_connection.info[acting.INFO] = acting.LATER  # type: ignore[union-attr]
        assert (await reader.exec(role)).one() == (roles.APP, connection)
        assert (await reader.exec(sa.select(col(Message.member_id)))).all() == []


@pytest.mark.check("S27", tier="P")
async def test_the_release_before_says_nothing_and_passes_for_now(settings: Settings, tenants: list[UUID]) -> None:
    """A connection that never heard of row security; a later migration ends this."""
    old = await asyncpg.connect(str(settings.database_url), server_settings={"role": "xinxin_app"})
    try:
        assert await old.fetchval("select current_setting('xinxin.account', true)") is None
        assert await old.fetchval("select count(*) from message where member_id = any($1)", tenants) == TENANTS
        await old.execute("select set_config('xinxin.account', '', false)")  # as a function leaves it that said it while it ran
        assert await old.fetchval("select count(*) from message where member_id = any($1)", tenants) == TENANTS
        await old.execute("select set_config('xinxin.account', '-', false)")
        assert await old.fetchval("select count(*) from message where member_id = any($1)", tenants) == 0
        assert await old.fetchval("select acting_unaware()"), "the release of 0053 says this, and passes what was guarded after it"
        await old.execute("select set_config('xinxin.wall', '2', false)")
        assert not await old.fetchval("select acting_unaware()")
        for wall, known in (("2", TENANTS), ("3", 0)):  # the release of 0058 does not know of the tables that are guarded after it
            await old.execute("select set_config('xinxin.wall', $1, false)", wall)
            assert await old.fetchval("select count(*) from account where id = any($1)", tenants) == known
    finally:
        await old.close()
