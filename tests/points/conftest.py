"""A member with an area, administrators who can give points, and a way to earn some."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from app import clock
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.members import service as members_service
from app.points import service
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
