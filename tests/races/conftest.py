"""The running service and its county; what must be so after every race: clean books, and nobody who waited long for a lock."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.db import session as db_session
from app.invariants import service as invariants_service
from app.parts import session_info
from app.settings import Settings
from tests.races.lock_log import LockLog
from tests.races.shopping import Counter, opened
from tests.support.newcomer import World, world
from tests.support.service import service

__all__ = ["service", "world"]


@pytest.fixture
async def clean_books(world: World) -> AsyncIterator[None]:
    """Every invariant of the ledger, after every race."""
    yield
    info = session_info(Settings(data_dir=world.service.data))  # the service's own keys: remembered answers are opened
    database = db_session.connect(world.service.database_url, info=info, pool_size=1, statement_timeout_ms=60_000)
    try:
        assert await invariants_service.check_all(database) == []
    finally:
        await database.close()


@pytest.fixture(autouse=True)
def lock_log(request: pytest.FixtureRequest) -> Iterator[LockLog | None]:
    """After every race against the service: its database has logged no wait of a second for a lock, and no deadlock."""
    if "service" not in request.fixturenames:
        yield None
        return
    log = LockLog(request.getfixturevalue("service"))
    yield log
    log.judge()


@pytest.fixture
async def counter(world: World) -> AsyncIterator[Counter]:
    """The first store's till and reward, and riders whose points need no two administrators."""
    async with opened(world) as made:
        yield made
