"""Many at once, with real commits: one person registers on several phones, one registration is decided by several officials."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.auth.models import Scope
from app.db.session import Database
from app.errors import AlreadyExists, AppError, InvalidTransition
from app.members.models import Employment, Member
from app.messages.models import Message
from app.organisations.models import Organisation
from app.qrcodes.models import QrCode
from app.registrations import queries, service
from app.registrations.models import Declaration, Management, Registration
from app.registrations.schemas import ApproveIn, RegistrationIn
from app.settings import Settings
from tests.support.branches import CONSENTS, MEMBERSHIP, Branch, make_branch
from tests.support.county import make_county
from tests.support.people import People, Person

PATH = "370899/"


class Scene:
    def __init__(self, rider: Person, branch: Branch, told: RegistrationIn) -> None:
        self.rider, self.branch, self.told = rider, branch, told


@pytest.fixture
async def scene(committed: Database, settings: Settings) -> AsyncIterator[Scene]:
    async with committed.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        branch = await make_branch(session, people, county.community, "并发测试支部")
        rider = await people.member(consents=CONSENTS)
        told: dict[str, Any] = {
            "real_name": "王小明", "occupation": "courier", "work_area_id": county.grid.id, "employers": [{"name": "闪送"}],
            "scene": branch.scene,
        }
    yield Scene(rider, branch, RegistrationIn.model_validate(told | MEMBERSHIP))
    await _clear(committed)


async def _clear(committed: Database) -> None:
    """Everything that lies in the committed county: no other test of this worker commits areas of this code."""
    async with committed.transaction() as session:
        mine = sa.select(col(Registration.id)).where(col(Registration.area_path).startswith(PATH))
        members = sa.select(col(Member.id)).where(col(Member.area_path).startswith(PATH))
        organisations = sa.select(col(Organisation.id)).where(col(Organisation.area_path).startswith(PATH))
        for gone in (
            sa.delete(Message).where(col(Message.reference_id).in_(mine)),
            sa.delete(Declaration).where(col(Declaration.registration_id).in_(mine)),
            sa.delete(Registration).where(col(Registration.area_path).startswith(PATH)),
            sa.delete(Employment).where(col(Employment.member_id).in_(members)),
            sa.update(Member).where(col(Member.area_path).startswith(PATH)).values(area_id=None, area_path=None),
            sa.delete(QrCode).where(col(QrCode.target_id).in_(organisations)),
            sa.delete(Organisation).where(col(Organisation.area_path).startswith(PATH)),
            sa.delete(Scope).where(col(Scope.area_path).startswith(PATH)),
        ):
            await session.exec(gone)
        for level in ("grid", "community", "street", "county"):
            await session.exec(sa.delete(Area).where(col(Area.path).startswith(PATH), col(Area.level) == level))


async def _register(committed: Database, scene: Scene) -> UUID | AppError:
    try:
        async with committed.transaction() as session:
            return (await service.register(session, principal=scene.rider.principal, told=scene.told, phone=None)).id
    except AppError as refusal:
        return refusal


@pytest.mark.parametrize("blind", [False, True])
async def test_one_person_gets_one_open_registration(
    committed: Database, scene: Scene, blind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even for code that forgot to look first (`blind`): then the unique index says no."""
    async def nothing(session: Any, *, member_id: UUID) -> None:
        return None

    if blind:
        monkeypatch.setattr(queries, "open_of", nothing)
    answers = await asyncio.gather(*(_register(committed, scene) for _ in range(6)))
    assert sum(isinstance(answer, UUID) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyExists) for answer in answers) == 5


async def test_of_two_decisions_at_once_one_counts(committed: Database, scene: Scene) -> None:
    registration_id = await _register(committed, scene)
    assert isinstance(registration_id, UUID)
    secretary, contact = scene.branch.secretary.principal, scene.branch.instructor.id
    approval = ApproveIn(
        management=Management.DIRECT, contact_account_id=contact, next_contact_on=clock.today() + timedelta(days=7)
    )

    async def decide(yes: bool) -> str:
        try:
            async with committed.transaction() as session:
                if yes:
                    row = await service.approve(
                        session, principal=secretary, registration_id=registration_id, told=approval, seen=None
                    )
                else:
                    row = await service.reject(
                        session, principal=secretary, registration_id=registration_id, reason="无法联系", seen=None
                    )
                return row.status.value
        except InvalidTransition:
            return "refused"

    answers = await asyncio.gather(*(decide(bool(at % 2)) for at in range(6)))
    assert answers.count("refused") == 5
    async with committed.session() as session:
        kept = await session.get(Registration, registration_id)
        assert kept is not None and kept.status.value in answers
