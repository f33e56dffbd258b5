"""The laboratory, inside the test's own transaction."""

from typing import Any

import httpx
import pytest

from app.db.session import AsyncSession
from tests.robustness.lab import Lab, furnish
from tests.support.county import County
from tests.support.people import People


@pytest.fixture
async def lab(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County, document: dict[str, Any]) -> Lab:
    made = Lab(client, session, people, county, document)
    await furnish(made)
    return made
