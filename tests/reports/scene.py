"""A county with its staff, and reports led to any state over HTTP."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import sqlalchemy as sa

from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.uploads.models import Upload
from tests.support.county import County
from tests.support.people import People, Person

PATH = ("accept", "dispatch", "start", "resolve", "verify", "feedback")
DRAWS = sa.text("""
insert into report_category_version
select (jsonb_populate_record(v, jsonb_build_object('version', v.version + 1, 'second_look_percent', cast(:percent as int)))).*
  from report_category_version v join report_category c on c.code = v.category_code and c.version = v.version
 where c.code = 'road_hole'
""")
STATES = ("submitted", "accepted", "dispatched", "in_progress", "resolved", "awaiting_feedback", "closed")


@dataclass
class Scene:
    client: httpx.AsyncClient
    session: AsyncSession
    county: County
    people: People
    reporter: Person
    reviewer: Person
    worker: Person

    async def photo(self, person: Person) -> str:
        """A photo as the upload leaves it, without the work on pixels."""
        upload = Upload(
            member_id=person.id, image_key=new_id().hex, thumb_key=new_id().hex, content_type="image/jpeg", width=100, height=100,
            size_bytes=1000,
        )
        self.session.add(upload)
        await self.session.flush()
        return str(upload.id)

    async def post(self, person: Person, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/v1/reports{path}", json=body or {}, headers=person.headers | headers)

    async def get(self, person: Person, path: str, **params: Any) -> Any:
        answer = await self.client.get(f"/api/v1/reports{path}", params=params, headers=person.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def file(self, person: Person | None = None, **changes: Any) -> dict[str, Any]:
        who = person or self.reporter
        body = {
            "category_code": "road_hole", "description": "路面有坑", "location": self.county.place(), "upload_ids": [await self.photo(who)],
        } | changes
        answer = await self.post(who, "", body, **{"Idempotency-Key": new_id().hex})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def amend(self, person: Person, report_id: str, changes: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.client.patch(f"/api/v1/reports/{report_id}", json=changes, headers=person.headers | headers)

    async def give(self, person: Person, report_id: str, command: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = await self.post(person, f"/{report_id}/{command}", body)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def refused(self, person: Person, report_id: str, command: str, body: dict[str, Any] | None = None) -> tuple[int, str]:
        answer = await self.post(person, f"/{report_id}/{command}", body)
        return answer.status_code, answer.json().get("code", "")

    async def lead(self, report_id: str, to: str, *, since: str = "submitted", worker: Person | None = None) -> dict[str, Any]:
        """Leads a report along the straight path, from the state it is in."""
        shown: dict[str, Any] = {}
        worker = worker or self.worker
        who = {"accept": self.reviewer, "dispatch": self.reviewer, "verify": self.reviewer, "feedback": self.reporter}
        for command, state in zip(PATH, STATES[1:], strict=True):
            if STATES.index(state) <= STATES.index(since):
                continue
            if STATES.index(to) < STATES.index(state):
                break
            body: dict[str, dict[str, Any]] = {
                "dispatch": {"assignee_account_id": str(worker.id)}, "resolve": {"note": "已修复", "upload_ids": []},
                "verify": {"passed": True, "note": "现场已看"}, "feedback": {"satisfied": True, "rating": 5},
            }
            if command == "resolve":
                body["resolve"]["upload_ids"] = [await self.photo(worker)]
            shown = await self.give(who.get(command, worker), report_id, command, body.get(command))
            assert shown["status"] == state
        return shown

    async def at(self, state: str) -> str:
        """A new report in a state of the straight path."""
        report_id: str = (await self.file())["id"]
        await self.lead(report_id, state)
        return report_id

    async def draws(self, percent: int) -> None:
        """Of the road holes that are filed from now on, so many of a hundred are drawn for a second look."""
        await self.session.exec(DRAWS, params={"percent": percent})
        await self.session.exec(sa.text("update report_category set version = version + 1 where code = 'road_hole'"))

    async def points(self, person: Person) -> int:
        answer = await self.client.get("/api/v1/points/me", headers=person.headers)
        available: int = answer.json()["available"]
        return available

    async def inbox_of(self, person: Person) -> list[str]:
        answer = await self.client.get("/api/v1/messages", headers=person.headers)
        return [one["title"] for one in answer.json()["items"]] if answer.status_code == 200 else []


def on(role: Role, area_id: UUID) -> tuple[Role, ScopeType, UUID]:
    return role, ScopeType.AREA, area_id
