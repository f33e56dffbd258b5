"""The staff and riders that the tests of reports share."""

import httpx
import pytest

from app.auth.roles import Role
from app.db.session import AsyncSession
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.people import People


@pytest.fixture
async def scene(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Scene:
    return Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
