"""An employer known for five months, its riders, and a ledger whose lines lie where a test wants them.

Frozen months are those before the last one: on the first of a month the last one is still open for some hours.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import service as auth_service
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise, EnterpriseKind
from app.members import service as members_service
from app.members.models import Employment
from app.points import ledger
from app.points import service as points_service
from app.points.models import Kind, PointsTransaction
from app.statements import rebuilding
from app.statements.models import EnterpriseStatement
from tests.support.county import County
from tests.support.owner import as_owner
from tests.support.people import People, Person

API = "/api/v1"


def months_ago(count: int) -> date:
    first = clock.month_start(clock.today())
    for _ in range(count):
        first = clock.month_start(first - timedelta(days=1))
    return first


THIS, LAST, SECOND, FIRST, MADE = (months_ago(count) for count in (0, 1, 2, 3, 4))


def middle(month: date) -> datetime:
    return clock.day_start(month.replace(day=15)) + timedelta(hours=12)


@dataclass
class Firm:
    client: httpx.AsyncClient
    session: AsyncSession
    people: People
    county: County
    id: UUID
    admin: Person
    contact: Person
    run: Callable[..., Awaitable[None]]

    async def rider(
        self, name: str | None = "王小明", *, agrees: bool = True, since: date = MADE, until: date | None = None, works: bool = True
    ) -> Person:
        consents = ("service", "location", *(["employer_statement"] if agrees else []))
        rider = await self.people.member(consents=consents)
        await members_service.set_profile(self.session, member_id=rider.id, real_name=name, area=self.county.grid)
        if works:
            await self.employ(rider, since=since, until=until)
        return rider

    async def employ(self, rider: Person, *, since: date, until: date | None = None) -> None:
        self.session.add(Employment(member_id=rider.id, enterprise_id=self.id, since=since, until=until))
        await self.session.flush()

    async def earns(self, rider: Person, points: int, at: datetime) -> UUID:
        balance = await ledger.lock(self.session, rider.id)
        line = await points_service.credit(
            self.session, rider.id, balance, points, kind=Kind.EARN, reference=ledger.Reference("report", new_id()),
            cause=ledger.Cause("REPORT_ACCEPTED", "REPORT_ACCEPTED", 1),
        )
        return await self._move(line, at)

    async def clawed_back(self, rider: Person, points: int, at: datetime, *, line: UUID) -> UUID:
        return await self._taken(rider, points, at, Kind.REVERSE, ledger.Cause("clawed_back", "REPORT_ACCEPTED", 1, reverses_id=line))

    async def punished(self, rider: Person, at: datetime) -> UUID:
        """As a false report is."""
        return await self._taken(rider, 50, at, Kind.ADJUST, ledger.Cause("FALSE_REPORT", "FALSE_REPORT", 1))

    async def adjusted(self, rider: Person, points: int, at: datetime) -> UUID:
        """By hand."""
        return await self._taken(rider, points, at, Kind.ADJUST, ledger.Cause("adjusted"))

    async def _taken(self, rider: Person, points: int, at: datetime, kind: Kind, cause: ledger.Cause) -> UUID:
        await ledger.lock(self.session, rider.id)
        line = await points_service.take_back(
            self.session, rider.id, points, kind=kind, reference=ledger.Reference("report", new_id()), cause=cause
        )
        return await self._move(line, at)

    async def _move(self, line: UUID, at: datetime) -> UUID:
        """To another time, which only the owner can."""
        await self.session.flush()
        await self.as_owner(
            "alter table points_transaction disable trigger user",
            sa.update(PointsTransaction).where(col(PointsTransaction.id) == line).values(created_at=at),
            "alter table points_transaction enable trigger user",
        )
        return line

    async def as_owner(self, *statements: Any) -> None:
        async with as_owner(self.session):
            for statement in statements:
                await self.session.exec(sa.text(statement) if isinstance(statement, str) else statement)

    async def answer(self, month: date, who: Person | None = None, **query: str) -> httpx.Response:
        headers = (who or self.contact).headers
        return await self.client.get(f"{API}/enterprises/{self.id}/statements/{month:%Y-%m}", headers=headers, params=query)

    async def shows(self, month: date, who: Person | None = None) -> dict[str, Any]:
        answer = await self.answer(month, who)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def files(self, month: date) -> dict[str, bytes]:
        found = {}
        for format in ("csv", "xlsx", "pdf"):
            answer = await self.answer(month, format=format)
            assert answer.status_code == 200, answer.text
            found[format] = answer.content
        return found

    async def freeze(self) -> None:
        await self.run("statements.freeze")

    async def frozen(self) -> list[date]:
        found = await self.session.exec(
            sa.select(col(EnterpriseStatement.month))
            .where(col(EnterpriseStatement.enterprise_id) == self.id)
            .order_by(col(EnterpriseStatement.month))
        )
        return list(found.scalars().all())

    async def wrong(self) -> list[str]:
        """What `scripts/manage statements --check` would say."""
        return [str(found) async for found in rebuilding.differences(self.session) if found]

    async def says(self, rider: Person, *, granted: bool) -> Any:
        texts = (await self.client.get(f"{API}/members/consent-texts")).json()
        version = next(text["version"] for text in texts if text["purpose"] == "employer_statement")
        path = f"{API}/members/me/consents/employer_statement"
        answer = await self.client.put(path, json={"version": version, "granted": granted}, headers=rider.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


async def make_enterprise(session: AsyncSession, county: County, *, name: str, uscc: str, made: date) -> Enterprise:
    firm = Enterprise(
        name=name, uscc=uscc, uscc_confirmed=True, kind=EnterpriseKind.DEPOT, area_id=county.community.id,
        area_path=county.community.path, tenant_id=county.root.id, created_at=middle(made), listed_on=made,
    )
    session.add(firm)
    await session.flush()
    await auth_service.put_scope(
        session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=firm.area_path, name=firm.name
    )
    return firm


@pytest.fixture
async def firm(client: httpx.AsyncClient, session: AsyncSession, people: People, county: County, run_job: Any) -> Firm:
    made = await make_enterprise(session, county, name="顺风速递兖州站", uscc="91370882MA3C00000X", made=MADE)
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    contact = await people.member(grants=[(Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, made.id)])
    return Firm(client, session, people, county, made.id, admin, contact, run_job)
