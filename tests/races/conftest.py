"""The running service and its county."""

from collections.abc import AsyncIterator

import pytest

from app.db import session as db_session
from app.invariants import service as invariants_service
from app.parts import session_info
from app.settings import Settings
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
