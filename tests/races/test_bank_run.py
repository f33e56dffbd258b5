"""The bank run: 32 clients at once, and books that agree in every snapshot, afterwards, and with what the clients were told.

500 operations; `--hypothesis-profile=long`: 10,000.
"""

import random
import sys
from collections.abc import AsyncIterator

import pytest
from hypothesis import settings as effort

from app.db import session as db_session
from app.db.session import Database
from tests.support.bank import STATE
from tests.support.bank_run import CLIENTS, Member, Run
from tests.support.newcomer import World

FORETOLD = 0.999
MOST_LOOKS_APART = 5.0  # seconds, on the busiest machine


@pytest.fixture(autouse=True)
def lock_log() -> None:
    """Not judged here: thirty-two clients that never rest, on one reward and a few makers, do wait for each other."""


@pytest.fixture
async def database(world: World) -> AsyncIterator[Database]:
    opened = db_session.connect(world.service.database_url, info={"actor": {"kind": "job"}}, pool_size=8)
    yield opened
    await opened.close()


def expect_told_right(member: Member, standing: tuple[int, int, int]) -> None:
    """What the books say is the sum of what the clients heard, and what the model says where one client did it all."""
    available, held, debt = standing
    assert (available - debt, held) == (member.net, member.held), member.caller.name
    if member.account is not None:
        assert standing == (member.account.available, member.account.held, member.account.debt), member.caller.name


@pytest.mark.usefixtures("clean_books")
@pytest.mark.check("S05", part=True)
async def test_everybody_at_once(world: World, database: Database) -> None:
    operations, owners = (10_000, CLIENTS) if effort.get_current_profile_name() == "long" else (500, CLIENTS // 2)
    run = Run(world, database, random.SystemRandom().randrange(10**6), operations, owners)
    await run.go()
    sys.stdout.write(run.line + "\n")
    assert len(run.told) == operations and run.violations == []
    assert run.looks >= run.seconds / MOST_LOOKS_APART
    assert 1 - len(run.unexpected) / operations >= FORETOLD, run.unexpected
    async with database.session() as session:
        rows = (await session.exec(STATE, params={"members": [member.caller.id for member in run.members]})).all()
    standings = {str(row[0]): (row[1], row[2], row[3]) for row in rows}
    for member in run.members:
        expect_told_right(member, standings[member.caller.id])


@pytest.mark.variant("S05")
def test_a_wrong_sum_is_noticed(world: World) -> None:
    member = Member(world.admin, None, net=10, held=20)
    expect_told_right(member, (15, 20, 5))
    for wrong in ((15, 20, 0), (15, 10, 5)):
        with pytest.raises(AssertionError):
            expect_told_right(member, wrong)
