"""The estate for one test alone: for tests elsewhere that need one thing of every kind. The modules here share one, see ground.py."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.db.session import AsyncSession
from tests.access.estate import Estate, settle
from tests.support.county import County
from tests.support.people import People


@pytest.fixture
async def estate(
    client: httpx.AsyncClient, connection: AsyncConnection, session: AsyncSession, people: People, county: County,
    run_job: Callable[..., Awaitable[None]],
) -> Estate:
    return await settle(Estate(client, connection, session, county, people, run_job))
