"""A county with riders who have names, earn on chosen days and agree to be listed; administrators of the county, a street and elsewhere."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth import service as auth_service
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.members import service as members_service
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind, PointsTransaction
from app.publicity.workflow import Quarter
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

API = "/api/v1/points"
CONSENTS = ("service", "location", "publicity")
LAST = Quarter.of(clock.today()).before
IN_LAST = LAST.first + timedelta(days=40)


@dataclass
class Room:
    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    county: County
    who: dict[str, Person] = field(default_factory=dict)

    async def rider(self, name: str | None, *earned: int, on: date = IN_LAST, area: Area | None = None, agrees: bool = True) -> Person:
        """Somebody who works in the community (or `area`) and has earned these points on a day."""
        person = await self.people.member(consents=CONSENTS if agrees else CONSENTS[:2])
        await members_service.set_profile(self.session, member_id=person.id, real_name=name, area=area or self.county.community)
        for points in earned:
            await self.earn(person, points, on)
        return person

    async def earn(self, who: Person, points: int, on: date = IN_LAST, *, rule: str = "REPORT_ACCEPTED") -> UUID:
        """An earned line of a day; its id."""
        balance = await ledger.lock(self.session, who.id)
        cause, reference = ledger.Cause(rule, rule_code=rule, rule_version=1), ledger.Reference("test", new_id())
        line = await points_service.credit(self.session, who.id, balance, points, kind=Kind.EARN, reference=reference, cause=cause)
        return await self._moved(line, on)

    async def claw_back(self, who: Person, line: UUID, points: int, on: date) -> UUID:
        await ledger.lock(self.session, who.id)
        cause = ledger.Cause("clawed_back", rule_code="REPORT_ACCEPTED", rule_version=1, reverses_id=line)
        taken = await points_service.take_back(
            self.session, who.id, points, kind=Kind.REVERSE, reference=ledger.Reference("test", new_id()), cause=cause
        )
        return await self._moved(taken, on)

    async def lied(self, who: Person, on: date) -> None:
        """A false report that was established on a day."""
        await ledger.lock(self.session, who.id)
        taken = await points_service.take_back(
            self.session, who.id, 50, kind=Kind.ADJUST, reference=ledger.Reference("report", new_id()),
            cause=ledger.Cause("FALSE_REPORT", rule_code="FALSE_REPORT", rule_version=1),
        )
        await self._moved(taken, on)

    async def _moved(self, line: UUID, on: date) -> UUID:
        at = clock.day_start(on) + timedelta(hours=12)
        async with as_owner(self.session):
            await self.session.exec(sa.text("alter table points_transaction disable trigger user"))
            await self.session.exec(sa.update(PointsTransaction).where(col(PointsTransaction.id) == line).values(created_at=at))
            await self.session.exec(sa.text("alter table points_transaction enable trigger user"))
        return line

    async def agrees(self, who: Person, *purposes: str) -> None:
        await auth_service.set_consented(self.session, account_id=who.id, purposes=purposes)

    async def get(self, who: Person, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(API + path, headers=who.headers, params=query)

    async def post(self, who: Person, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post(API + path, json=body, headers=who.headers | headers)

    async def listed(self, who: Person, quarter: Quarter = LAST) -> list[tuple[str, int]]:
        answer = await self.get(who, path_of(quarter))
        assert answer.status_code == 200, answer.text
        return [(line["name"], line["points"]) for line in answer.json()["items"]]


def path_of(quarter: Quarter = LAST) -> str:
    return f"/publicity/{quarter.year}-q{quarter.quarter}"


@pytest.fixture
async def room(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County) -> Room:
    made = Room(client, session, people, county)
    for name, area in (
        ("admin", county.root), ("second", county.root), ("street", county.street), ("elsewhere", county.other_community),
    ):
        made.who[name] = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area.id)])
    made.who["reviewer"] = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.root.id)])
    made.who["reader"] = await people.member()
    return made
