"""An organisation with a secretary, a printed code and an invitation; WeChat's faults and how often it was asked.

And a database of one's own for races: with real commits, whose append-only history could never be cleaned from the shared one.
"""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.areas.models import Area
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.db import session as db_session
from app.db.session import Database
from app.organisations.models import Formation, Organisation, OrganisationKind
from app.parts import session_info
from app.qrcodes import service, workflow
from app.qrcodes.models import Purpose, QrCode
from app.settings import Settings
from tests.conftest import migrated_database
from tests.support.branches import Branch, make_branch
from tests.support.county import make_county
from tests.support.people import People
from tests.support.registering import body, other_branch

__all__ = ["body", "other_branch"]

API = "/api/v1/qrcodes"
LINK_CALL = "/wxa/generate_urllink"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "User-Agent": "Mozilla/5.0 (Linux; Android 14)"}


@pytest.fixture
async def branch(session, county):
    made = Organisation(
        name="快递<党>支部", kind=OrganisationKind.BRANCH, formation=Formation.INDEPENDENT, area_id=county.community.id,
        area_path=county.community.path, phone="0537-3412345",
    )
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ORGANISATION, scope_id=made.id, area_path=made.area_path, name=made.name)
    return made


@pytest.fixture
async def secretary(people, branch):
    return await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])


@pytest.fixture
async def code(client, branch, secretary):
    told = {"purpose": "registration", "target_id": str(branch.id), "title": "驿站海报"}
    answer = await client.post(API, json=told, headers=secretary.headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def invite(client, branch, secretary):
    async def make(**told):
        answer = await client.post(f"/api/v1/organisations/{branch.id}/invitations", json=told, headers=secretary.headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return make


@pytest.fixture
async def fault(simulator):
    """WeChat answers a path with a fault until the test ends."""

    async def make(path="/wxa/getwxacodeunlimit", **wish):
        answer = await simulator.http.post("/_simulator/faults", json={"path": path, "times": None} | wish)
        assert answer.status_code == 204

    yield make
    await simulator.http.delete("/_simulator/faults")


@pytest.fixture
def links_asked(simulator):
    """How often WeChat was asked for a link so far."""

    async def count():
        return int((await simulator.http.get("/_simulator/calls")).json().get(LINK_CALL, 0))

    return count


@pytest.fixture(scope="session")
async def many(settings: Settings, worker_id: str) -> AsyncIterator[Database]:
    """Real commits in a database that nobody else looks at, and connections enough for a crowd to meet."""
    url = await migrated_database(f"xinxin_codes_{worker_id}")
    database = db_session.connect(url, info=session_info(settings), pool_size=8, statement_timeout_ms=60_000)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def committed_branch(many: Database, settings: Settings) -> tuple[Branch, Area]:
    """A branch, and an area to work in."""
    async with many.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        return await make_branch(session, people, county.community, "并发测试支部"), county.grid


@pytest.fixture
async def poster(many: Database, committed_branch: tuple[Branch, Area]) -> QrCode:
    """A committed code for people to come at all at once."""
    branch, _ = committed_branch
    return await committed_code(many, branch.id, branch.secretary.id)


async def committed_code(many: Database, target_id: UUID, issued_by: UUID, *, max_uses: int | None = None) -> QrCode:
    async with many.transaction() as session:
        return await service.make(
            session, purpose=Purpose.REGISTRATION, target_id=target_id, title=None, issued_by=issued_by, max_uses=max_uses,
            typed_scene=workflow.new_typed_scene(),
        )
