"""Two branches in the county, and people who register."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import clock
from app.db.base import new_id
from app.registrations.models import Direction, Management, Registration, Status
from tests.support.branches import API, Branch, make_branch

NUMBERS = (f"T20261122-{number:06d}" for number in itertools.count(1))


@pytest.fixture
async def branch(session, people, county) -> Branch:
    return await make_branch(session, people, county.community, "东风社区快递党支部", phone="0537-3412345")


@pytest.fixture
async def other_branch(session, people, county) -> Branch:
    return await make_branch(session, people, county.other_community, "建设社区骑手党支部")


@pytest.fixture
def body(county) -> Callable[..., dict[str, Any]]:
    def make(**more: Any) -> dict[str, Any]:
        told = {
            "real_name": "王小明", "occupation": "food_delivery", "work_area_id": str(county.grid.id), "employers": [{"name": "闪送站点"}],
            "political_status": "masses",
        }
        return told | more

    return make


@pytest.fixture
def registered(client, body) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Registers somebody and returns the answer's body."""

    async def register(person: Any, **more: Any) -> dict[str, Any]:
        answer = await client.post(API, json=body(**more), headers=person.headers)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return register


@pytest.fixture
def command(client) -> Callable[..., Awaitable[httpx.Response]]:
    async def give(person: Any, registration_id: Any, name: str, told: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        answer: httpx.Response = await client.post(f"{API}/{registration_id}/{name}", json=told or {}, headers=person.headers | headers)
        return answer

    return give


@pytest.fixture
def put(session, county) -> Callable[..., Awaitable[Registration]]:
    """Writes a registration in any state, past the service: approved ones are looked after by the branch's instructor from today on."""

    async def make(person: Any, branch: Branch, status: Status, **more: Any) -> Registration:
        fields: dict[str, Any] = {
            "id": new_id(), "number": next(NUMBERS), "member_id": person.id, "direction": Direction.ORG_SEEKS_MEMBER, "status": status,
            "organisation_id": branch.id, "area_id": county.grid.id, "area_path": county.grid.path,
        }
        if status is Status.APPROVED:
            fields |= {"management": Management.DIRECT, "contact_account_id": branch.instructor.id, "next_contact_on": clock.today()}
        row = Registration(**fields | more)
        session.add(row)
        await session.flush()
        return row

    return make


def approval(contact: Any, *, days: int = 7, **more: Any) -> dict[str, Any]:
    """The body of an approval whose next contact is so many days from today."""
    on = (clock.today() + timedelta(days=days)).isoformat()
    return {"management": "mobile", "contact_account_id": str(contact.id), "next_contact_on": on} | more
