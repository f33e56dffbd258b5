"""A branch and a rider that are really committed, for what happens at once; everything of it is taken away at the end."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area
from app.auth.models import Scope
from app.db.session import Database
from app.errors import AppError
from app.members.models import Employment, Member
from app.messages.models import Message
from app.organisations.models import Organisation
from app.qrcodes.models import QrCode
from app.registrations import service
from app.registrations.models import Declaration, Registration, RegistrationEvent, RegistrationText, Reminder
from app.registrations.schemas import RegistrationIn
from app.settings import Settings
from tests.support.branches import CONSENTS, MEMBERSHIP, Branch, make_branch
from tests.support.county import make_county
from tests.support.owner import as_owner
from tests.support.people import People, Person

PATH = "370899/"


class Scene:
    def __init__(self, rider: Person, branch: Branch, told: RegistrationIn) -> None:
        self.rider, self.branch, self.told = rider, branch, told

    @property
    def everybody(self) -> list[UUID]:
        return [self.rider.id, self.branch.secretary.id, self.branch.instructor.id]


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
    scene = Scene(rider, branch, RegistrationIn.model_validate(told | MEMBERSHIP))
    yield scene
    await _clear(committed, scene)


async def _clear(committed: Database, scene: Scene) -> None:
    """Everything that lies in the committed county: no other test of this worker commits areas of this code."""
    async with committed.transaction() as session, as_owner(session):
        mine = sa.select(col(Registration.id)).where(col(Registration.area_path).startswith(PATH))
        members = sa.select(col(Member.id)).where(col(Member.area_path).startswith(PATH))
        organisations = sa.select(col(Organisation.id)).where(col(Organisation.area_path).startswith(PATH))
        await session.exec(sa.text("alter table registration_event disable trigger user"))
        for gone in (
            sa.delete(Message).where(sa.or_(col(Message.reference_id).in_(mine), col(Message.member_id).in_(scene.everybody))),
            sa.delete(Reminder).where(
                sa.or_(col(Reminder.registration_id).in_(mine), col(Reminder.account_id).in_(scene.everybody))
            ),
            sa.delete(RegistrationText).where(col(RegistrationText.registration_id).in_(mine)),
            sa.delete(RegistrationEvent).where(col(RegistrationEvent.registration_id).in_(mine)),
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
        await session.exec(sa.text("alter table registration_event enable trigger user"))


async def register(committed: Database, scene: Scene) -> UUID | AppError:
    try:
        async with committed.transaction() as session:
            return (await service.register(session, principal=scene.rider.principal, told=scene.told, phone=None)).id
    except AppError as refusal:
        return refusal
