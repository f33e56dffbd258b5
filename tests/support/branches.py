"""A branch as tests need it: with a secretary, an instructor and a code; and what a Party member declares."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.auth.roles import Role, ScopeType
from app.auth.service import put_scope
from app.organisations.models import Formation, Organisation, OrganisationKind
from app.qrcodes.models import Purpose, QrCode

API = "/api/v1/registrations"
PARTY = {"home_branch": "河南省周口市某村党支部", "joined_on": "2012-07-01", "relation": "elsewhere", "away_since": "2024-03-01"}
MEMBERSHIP: dict[str, Any] = {"political_status": "full_member", "party": PARTY}
CONSENTS = ("service", "location", "party_identity")


@dataclass
class Branch:
    id: UUID
    name: str
    scene: str
    secretary: Any
    instructor: Any


async def make_branch(session, people, area, name: str, **more: Any) -> Branch:
    branch = Organisation(
        name=name, kind=OrganisationKind.BRANCH, formation=Formation.INDEPENDENT, area_id=area.id, area_path=area.path, **more
    )
    session.add(branch)
    await session.flush()
    await put_scope(session, scope_type=ScopeType.ORGANISATION, scope_id=branch.id, area_path=area.path, name=name)
    secretary = await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])
    instructor = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ORGANISATION, branch.id)])
    scene = f"code{branch.id.int % 10**9}"
    session.add(QrCode(scene=scene, purpose=Purpose.REGISTRATION, target_id=branch.id, issued_by=secretary.id))
    await session.flush()
    return Branch(branch.id, name, scene, secretary, instructor)
