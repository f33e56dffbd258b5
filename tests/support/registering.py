"""Two branches in the county, and people who register."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.support.branches import API, Branch, make_branch


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
    async def give(person: Any, registration_id: str, name: str, told: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        answer: httpx.Response = await client.post(f"{API}/{registration_id}/{name}", json=told or {}, headers=person.headers | headers)
        return answer

    return give
