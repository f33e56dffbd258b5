"""A community with its people: a rider with a name, an enterprise with its contact, reviewers here, above and elsewhere, administrators."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.areas.models import Area
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.checkins.models import Appointment, CheckIn, Kind, Status
from app.checkins.queries import now
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise, EnterpriseKind
from app.members import service as members_service
from app.members.models import Member
from tests.support.county import County
from tests.support.people import People, Person

API = "/api/v1/areas"
NAME = "欧阳小明"


@dataclass
class Room:
    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    county: County
    firm: Enterprise
    who: dict[str, Person] = field(default_factory=dict)

    async def rider(self, name: str | None = NAME, **more: Any) -> Person:
        person = await self.people.member(**more)
        if name:
            await members_service.set_profile(self.session, member_id=person.id, real_name=name)
        return person

    async def call(
        self, method: str, who: Person | None, path: str, body: Any = None, **headers: str
    ) -> httpx.Response:
        sent = (who.headers if who else {}) | headers
        json = {"json": {} if body is None else body} if method == "POST" else {}
        return await self.client.request(method, API + path, headers=sent, **json)

    async def report_in(self, who: Person, area: Area | None = None, **told: Any) -> dict[str, Any]:
        body = {"kind": "member"} | told
        made = await self.call("POST", who, f"/{(area or self.county.community).id}/checkins", body)
        assert made.status_code == 201, made.text
        answer: dict[str, Any] = made.json()
        return answer

    async def command(self, who: Person | None, checkin: dict[str, Any], command: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call("POST", who, f"/{checkin['area']['id']}/checkins/{checkin['id']}/{command}", body, **headers)

    async def confirmed(self, who: Person, area: Area | None = None, **told: Any) -> dict[str, Any]:
        made = await self.report_in(who, area)
        elsewhere = area is not None and area.id != self.county.community.id
        done = await self.command(self.who["street_reviewer" if elsewhere else "reviewer"], made, "confirm", told)
        assert done.status_code == 200, done.text
        answer: dict[str, Any] = done.json()
        return answer

    async def seen(self, who: Person, checkin: dict[str, Any]) -> dict[str, Any]:
        found = await self.call("GET", who, f"/{checkin['area']['id']}/checkins/{checkin['id']}")
        assert found.status_code == 200, found.text
        answer: dict[str, Any] = found.json()
        return answer

    def reread(self) -> None:
        """What others have changed is read anew."""
        for row in list(self.session.sync_session.identity_map.values()):
            if isinstance(row, CheckIn | Appointment | Member):
                self.session.expunge(row)

    async def row(self, status: Status, *, member_id: UUID | None) -> CheckIn:
        """A check-in in some state; of the enterprise without a member."""
        at, by = await now(self.session), self.who["street_reviewer"].id
        decided = status in (Status.CONFIRMED, Status.REJECTED, Status.ENDED)
        closed = status not in (Status.PENDING, Status.CONFIRMED)
        row = CheckIn(
            kind=Kind.MEMBER if member_id else Kind.ENTERPRISE, status=status, member_id=member_id,
            enterprise_id=None if member_id else self.firm.id, reported_by=member_id or self.who["contact"].id,
            area_id=self.county.community.id, area_path=self.county.community.path, decided_by=by if decided else None,
            decided_at=at if decided else None, closed_by=by if closed else None, closed_at=at if closed else None,
        )
        self.session.add(row)
        await self.session.flush()
        return row


@pytest.fixture
async def room(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County) -> Room:
    firm = Enterprise(
        name="迅达配送有限公司", uscc="91370882MA3C00000X", uscc_confirmed=True, kind=EnterpriseKind.DEPOT, area_id=county.street.id,
        area_path=county.street.path, tenant_id=county.root.id,
    )
    session.add(firm)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=firm.area_path, name=firm.name)
    room = Room(client, session, people, county, firm)
    grants = {
        "reviewer": (Role.REVIEWER, ScopeType.AREA, county.community.id),
        "street_reviewer": (Role.REVIEWER, ScopeType.AREA, county.street.id),
        "other_reviewer": (Role.REVIEWER, ScopeType.AREA, county.other_community.id),
        "admin": (Role.AREA_ADMIN, ScopeType.AREA, county.root.id),
        "grid_worker": (Role.GRID_WORKER, ScopeType.AREA, county.community.id),
        "contact": (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, firm.id),
    }
    for name, grant in grants.items():
        room.who[name] = await people.member(grants=[grant])
    room.who["rider"] = await room.rider()
    room.who["other_rider"] = await room.rider("李四")
    return room
