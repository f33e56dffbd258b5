"""A county with its staff as for reports, and those who may change the tree: the county's administrator and the platform's."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from app.auth.roles import Role
from app.db.session import AsyncSession
from tests.reports.scene import Scene, on
from tests.support.county import County
from tests.support.people import People, Person

TREE = "/api/v1/reports/categories"


@dataclass
class Desk:
    """`change` is given by the county's administrator unless somebody else is named."""

    scene: Scene
    admin: Person
    platform: Person
    street_admin: Person

    async def patch(self, who: Person, code: str, **body: Any) -> httpx.Response:
        headers = who.headers | ({"If-Match": f'"{body.pop("seen")}"'} if "seen" in body else {})
        return await self.scene.client.patch(f"{TREE}/{code}", json=body, headers=headers)

    async def change(self, code: str, **body: Any) -> dict[str, Any]:
        answer = await self.patch(self.admin, code, **body)
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def add(self, who: Person, **body: Any) -> httpx.Response:
        whole = {
            "code": "drain_blocked", "parent_code": "facilities", "name": "下水道堵塞", "severity": "normal", "kind": "part",
            "limits": {"review_minutes": 60, "dispatch_minutes": 60, "handle_days": 2, "clock": "working"},
        } | body
        return await self.scene.client.post(TREE, json=whole, headers=who.headers)

    async def leaves(self, who: Person | None = None) -> dict[str, dict[str, Any]]:
        tree = await self.scene.get(who or self.scene.reporter, "/categories")
        return {leaf["code"]: leaf for node in tree for leaf in node["children"]}


@pytest.fixture
async def desk(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Desk:
    scene = Scene(
        client, session, county, people, reporter=await people.member(),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
    return Desk(
        scene, await people.member(grants=[on(Role.AREA_ADMIN, county.root.id)]), await people.console(),
        await people.member(grants=[on(Role.AREA_ADMIN, county.street.id)]),
    )
