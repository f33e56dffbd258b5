"""A member with an area, administrators who can give points, and a way to earn some."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from app import clock
from app.areas.geo import Crs
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.members import service as members_service
from app.points import service
from app.stores.models import Store
from tests.points.awarding import Loop, make_loop
from tests.support.county import County
from tests.support.people import People, Person

Earn = Callable[..., Awaitable[UUID]]


@dataclass(frozen=True)
class Cast:
    rider: Person
    admin: Person
    second: Person
    stranger: Person


@pytest.fixture
async def cast(session: AsyncSession, people: People, county: County) -> Cast:
    rider = await people.member()
    await members_service.set_profile(session, member_id=rider.id, area=county.community)
    over_street = [(Role.AREA_ADMIN, ScopeType.AREA, county.street.id)]
    elsewhere = [(Role.AREA_ADMIN, ScopeType.AREA, county.other_community.id)]
    return Cast(
        rider, await people.member(grants=over_street), await people.member(grants=over_street), await people.member(grants=elsewhere)
    )


@pytest.fixture
def earn(session: AsyncSession, county: County) -> Earn:
    """Earns by a rule for a new source, filed now unless said; returns the source's id."""

    async def award(member_id: UUID, *, rule: str = "REPORT_ACCEPTED", source_id: UUID | None = None, **facts: object) -> UUID:
        source = source_id or new_id()
        await service.award(
            session, member_id=member_id, rule=rule, source_type="report", source_id=source, source_number="R20261122-000001",
            area_path=county.community.path, **({"filed_at": clock.now()} | facts),
        )
        return source

    return award


@pytest.fixture
async def loop(client: httpx.AsyncClient, session: AsyncSession, county: County, people: People) -> Loop:
    return await make_loop(client, session, county, people)


@pytest.fixture
async def shops(session: AsyncSession, county: County) -> list[UUID]:
    """Two stores; the ledger asks no more of them than to be stores."""
    place = {"lng": 116.8, "lat": 35.5, "given_lng": 116.8, "given_lat": 35.5, "given_crs": Crs.GCJ02}
    made = [
        Store(area_id=county.community.id, area_path=county.community.path, name="店", address="路 1 号", phone="0537-3412345", **place)
        for _ in range(2)
    ]
    session.add_all(made)
    await session.flush()
    return [store.id for store in made]
