"""A county with an administrator, a reviewer and grid workers, and units of it made over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.auth.roles import Role, ScopeType
from tests.support.county import County
from tests.support.people import People, Person


@dataclass
class Office:
    client: httpx.AsyncClient
    people: People
    county: County
    admin: Person
    reviewer: Person
    worker: Person

    async def send(self, who: Person, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return await self.client.request(method, f"/api/v1{path}", json=body, headers=who.headers | headers)

    async def done(self, who: Person, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> Any:
        answer = await self.send(who, method, path, body, **headers)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def refused(self, who: Person, method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, str]:
        answer = await self.send(who, method, path, body, **headers)
        return answer.status_code, answer.json().get("code", "")

    async def unit(self, name: str = "综合执法队", *, area_id: UUID | None = None, **more: Any) -> dict[str, Any]:
        body = {"name": name, "kind": "street_office", "area_id": str(area_id or self.county.street.id)} | more
        made: dict[str, Any] = await self.done(self.admin, "POST", "/units", body)
        return made

    async def rule(self, unit: dict[str, Any], *, area_id: UUID | None = None, **more: Any) -> dict[str, Any]:
        body = {"area_id": str(area_id or self.county.street.id), "unit_id": unit["id"]} | more
        made: dict[str, Any] = await self.done(self.admin, "POST", "/routing-rules", body)
        return made

    async def outsiders(self) -> list[Person]:
        """Who has nothing to do with units: strangers, and staff of other kinds."""
        return [
            await self.people.member(), self.worker,
            await self.people.member(grants=[(Role.AUDITOR, ScopeType.AREA, self.county.root.id)]),
        ]


@pytest.fixture
async def office(client: httpx.AsyncClient, people: People, county: County) -> Office:
    async def staff(role: Role, area_id: UUID) -> Person:
        return await people.member(grants=[(role, ScopeType.AREA, area_id)])

    return Office(
        client, people, county, await staff(Role.AREA_ADMIN, county.root.id), await staff(Role.REVIEWER, county.community.id),
        await staff(Role.GRID_WORKER, county.grid.id),
    )
