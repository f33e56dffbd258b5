"""A store with everybody around it: an administrator of the county, its owner, its clerk, a rider, over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from app.auth.roles import Role, ScopeType
from tests.support.county import County
from tests.support.newcomer import picture
from tests.support.people import People, Person

API = "/api/v1/stores"


@dataclass
class Keeping:
    client: httpx.AsyncClient
    county: County
    people: People
    admin: Person
    rider: Person
    id: str = ""
    owner: Person | None = None
    clerk: Person | None = None

    @property
    def path(self) -> str:
        return f"{API}/{self.id}"

    async def open(self, **more: Any) -> str:
        """One more store; its id."""
        body = {
            "name": "东风便利店", "area_id": str(self.county.community.id), "location": self.county.place(), "address": "文化路 1 号",
            "phone": "0537-3412345", "hours": "00:00-24:00",
        }
        made = await self.client.post(API, headers=self.admin.headers, json=body | more)
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def patch(self, who: Person, body: dict[str, Any]) -> httpx.Response:
        return await self.client.patch(self.path, headers=who.headers, json=body)

    async def seen(self, who: Person) -> dict[str, Any]:
        shown = await self.client.get(self.path, headers=who.headers)
        assert shown.status_code == 200, shown.text
        return dict(shown.json())

    async def listed(self, who: Person, **params: Any) -> list[str]:
        """The ids in the list, or (with `radius_m`) nearby."""
        lng, lat = self.county.spot
        where = ("/nearby", {"lng": lng, "lat": lat}) if "radius_m" in params else ("", {"area_id": str(self.county.root.id)})
        found = await self.client.get(API + where[0], headers=who.headers, params=where[1] | params)
        assert found.status_code == 200, found.text
        return [one["id"] for one in found.json()["items"]]

    async def photo(self, who: Person) -> str:
        sent = await self.client.post("/api/v1/uploads", files={"file": ("p.jpg", picture(), "image/jpeg")}, headers=who.headers)
        assert sent.status_code == 201, sent.text
        return str(sent.json()["id"])


async def keeping(client: httpx.AsyncClient, people: People, county: County) -> Keeping:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    made = Keeping(client, county, people, admin, await people.member())
    made.id = await made.open()
    made.owner = await people.member(grants=[(Role.STORE_OWNER, ScopeType.STORE, UUID(made.id))])
    made.clerk = await people.member(grants=[(Role.STORE_CLERK, ScopeType.STORE, UUID(made.id))])
    return made
