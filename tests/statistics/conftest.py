"""A county with random reports, whose figures are known without the summaries."""

import pytest

from app.auth.roles import Role
from tests.reports.conftest import scene  # noqa: F401 - the same staff and riders
from tests.reports.scene import Scene, on
from tests.statistics.lives import Lives
from tests.support.people import Person


@pytest.fixture
async def head(scene: Scene) -> Person:  # noqa: F811
    return await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])


@pytest.fixture
async def lives(scene: Scene) -> Lives:  # noqa: F811
    made = Lives(scene.session, scene.county, scene.reporter.id)
    await made.begin(240)
    return made
