"""People of a community and announcements to them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from app.auth.roles import Role, ScopeType
from app.members import service as members_service
from tests.support.people import Person
from tests.support.registering import branch, other_branch, put

__all__ = ["branch", "other_branch", "put"]
API = "/api/v1/announcements"


@pytest.fixture
async def admin(people, county) -> Person:
    return await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)])


@pytest.fixture
def rider(people, session, county) -> Callable[..., Awaitable[Person]]:
    """Somebody who works in the first grid, delivering food, unless something else is said."""

    async def make(*, area: Any = None, occupation: str = "food_delivery") -> Person:
        person: Person = await people.member(phone=None)
        await members_service.set_profile(session, member_id=person.id, occupation=occupation, area=area or county.grid)
        return person

    return make


@pytest.fixture
def draft(client, county) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def make(who: Person, **more: Any) -> dict[str, Any]:
        told = {"kind": "notice", "title": "领取饮用水", "body": "各驿站免费领取。\n\n凭会员码。", "area_id": str(county.street.id)}
        answer = await client.post(API, json=told | more, headers=who.headers)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return make


@pytest.fixture
def published(client, draft) -> Callable[..., Awaitable[str]]:
    """The id of one that is out, and whose people are not told yet."""

    async def make(who: Person, **more: Any) -> str:
        made = await draft(who, **more)
        answer: httpx.Response = await client.post(f"{API}/{made['id']}/publish", json={}, headers=who.headers)
        assert (answer.status_code, answer.json()["status"]) == (200, "published"), answer.text
        announcement_id: str = made["id"]
        return announcement_id

    return make
