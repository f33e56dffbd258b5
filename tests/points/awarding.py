"""A report loop whose reports were filed when a test says, its officials twice, and the calls that awards by people are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.roles import Role
from app.reports.models import Report
from tests.reports.scene import Scene, on
from tests.support.people import Person

API = "/api/v1/points"


@dataclass
class Loop:
    """`reviewers` are of the community, `elsewhere` of another one; `admins` of the street, `local` of the community alone."""

    scene: Scene
    rider: Person
    reviewers: Sequence[Person]
    elsewhere: Person
    admins: Sequence[Person]
    local: Person

    async def files(self, day: date | None = None) -> dict[str, Any]:
        """A report of the rider's, filed on a local day (today unless said) at noon."""
        made = await self.scene.file(self.rider)
        if day is not None:
            noon = clock.day_start(day) + timedelta(hours=12)
            await self.scene.session.exec(sa.update(Report).where(col(Report.id) == UUID(made["id"])).values(created_at=noon))
        return made

    async def hazard(self, day: date | None = None, *, by: Person | None = None) -> dict[str, Any]:
        """One that is accepted as a hazard, by the first reviewer unless said."""
        made = await self.files(day)
        await self.scene.give(by or self.reviewers[0], made["id"], "accept", {"severity": "hazard"})
        return made

    async def post(self, who: Person, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.scene.client.post(f"{API}{path}", json=body, headers=who.headers | headers)

    async def get(self, who: Person, path: str) -> Any:
        answer = await self.scene.client.get(f"{API}{path}", headers=who.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def items(self, who: Person, path: str) -> list[Any]:
        return list((await self.get(who, path))["items"])

    async def does(self, who: Person, path: str, body: Any = None) -> Any:
        answer = await self.post(who, path, body)
        assert answer.is_success, answer.text
        return answer.json()

    async def refused(self, who: Person, path: str, body: Any = None) -> tuple[int, str]:
        answer = await self.post(who, path, body)
        return answer.status_code, answer.json().get("code", "")

    async def asked(self, who: Person, **told: Any) -> httpx.Response:
        """Asks for an award, with a reason and a proof unless the test has its own."""
        body = {"reason": "现场核实材料见附件", "upload_id": await self.scene.photo(who)} | told
        return await self.post(who, "/awards", body)

    async def granted(self, **told: Any) -> dict[str, Any]:
        """Asked for by one administrator, granted by the other."""
        made = await self.asked(self.admins[0], **told)
        assert made.status_code == 201, made.text
        return dict(await self.does(self.admins[1], f"/awards/{made.json()['id']}/approve"))

    async def found_false(self, report_id: str) -> dict[str, Any]:
        return await self.granted(report_id=report_id, rule_code="FALSE_REPORT")

    async def rejected(self) -> dict[str, Any]:
        """One that the reviewer rejected."""
        made = await self.files()
        told = {"reason_code": "abuse", "note": "照片与现场不符"}
        await self.scene.give(self.reviewers[0], made["id"], "reject", told)
        return made

    async def told(self, who: Person) -> list[str]:
        answer = await self.scene.client.get("/api/v1/messages", headers=who.headers)
        return [f"{one['title']}：{one['body']}" for one in answer.json()["items"]]


async def make_loop(client: httpx.AsyncClient, session: Any, county: Any, people: Any) -> Loop:
    reviewers = [await people.member(grants=[on(Role.REVIEWER, county.community.id)]) for _ in range(3)]
    admins = [await people.member(grants=[on(Role.AREA_ADMIN, county.street.id)]) for _ in range(2)]
    rider = await people.member()
    scene = Scene(
        client, session, county, people, reporter=rider, reviewer=reviewers[0],
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
    return Loop(
        scene, rider, reviewers, await people.member(grants=[on(Role.REVIEWER, county.other_community.id)]), admins,
        await people.member(grants=[on(Role.AREA_ADMIN, county.community.id)]),
    )


def monday() -> date:
    """Of a week that is over, all of it in one year."""
    day = clock.today() - timedelta(days=clock.today().weekday() + 7)
    return day if day.year == (day + timedelta(days=7)).year else day - timedelta(days=14)
