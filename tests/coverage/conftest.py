"""A county with an administrator, a branch and an enterprise of one community, all with their scopes."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.areas.models import Area
from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.db.session import AsyncSession
from app.enterprises.models import Enterprise, EnterpriseKind
from app.organisations.models import Organisation
from tests.support.county import County
from tests.support.people import People, Person

ORGANISATION, ENTERPRISE = "organisations", "enterprises"


async def make_firm(session: AsyncSession, area: Area, tenant: Area, number: int, **more: Any) -> Enterprise:
    firm = Enterprise(
        name=f"企业{number}", uscc=f"91370899MA3{number:06d}X", kind=EnterpriseKind.DEPOT, area_id=area.id, area_path=area.path,
        tenant_id=tenant.id, **more,
    )
    session.add(firm)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ENTERPRISE, scope_id=firm.id, area_path=area.path, name=firm.name)
    return firm


async def make_organisation(session: AsyncSession, area: Area, name: str = "联合党支部", **more: Any) -> Organisation:
    made = Organisation(name=name, kind="branch", formation="joint", area_id=area.id, area_path=area.path, **more)
    session.add(made)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ORGANISATION, scope_id=made.id, area_path=area.path, name=name)
    return made


@dataclass
class Scene:
    """Where things happen: one branch and one enterprise of the same community; `admin` administers the county."""

    county: County
    admin: Person
    branch: Organisation
    firm: Enterprise

    def id_of(self, kind: str) -> UUID:
        return self.branch.id if kind == ORGANISATION else self.firm.id

    def url(self, kind: str, rest: str) -> str:
        return f"/api/v1/{kind}/{self.id_of(kind)}/{rest}"

    async def person(self, people: People, who: str, kind: str) -> Person | None:
        """Somebody of the tables of who may what; None for nobody."""
        area = {
            "county_admin": (Role.AREA_ADMIN, self.county.root), "community_admin": (Role.AREA_ADMIN, self.county.community),
            "other_admin": (Role.AREA_ADMIN, self.county.other_community), "reviewer": (Role.REVIEWER, self.county.root),
            "auditor": (Role.AUDITOR, self.county.root),
        }
        if who in area:
            return await people.member(grants=[(area[who][0], ScopeType.AREA, area[who][1].id)])
        if who == "platform":
            return await people.console()
        if who in ("secretary", "contact"):
            wish = (
                (Role.ORG_SECRETARY, ScopeType.ORGANISATION, self.branch.id) if who == "secretary"
                else (Role.ENTERPRISE_CONTACT, ScopeType.ENTERPRISE, self.firm.id)
            )
            return await people.member(grants=[wish])
        return None if who == "nobody" else await people.member()


@pytest.fixture
async def scene(session: AsyncSession, people: People, county: County) -> Scene:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    branch = await make_organisation(session, county.community)
    firm = await make_firm(session, county.community, county.root, 1)
    return Scene(county, admin, branch, firm)
