"""Twenty people register by an invitation that is good for five, at one instant, with real commits."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.db.session import AsyncSession, Database
from app.errors import AppError
from app.qrcodes import service as qrcodes_service
from app.qrcodes import workflow
from app.qrcodes.models import QrCode
from app.registrations import service as registrations_service
from app.registrations.models import Registration
from app.registrations.schemas import RegistrationIn
from app.settings import Settings
from tests.qrcodes.conftest import committed_code
from tests.support.branches import Branch
from tests.support.people import People, Person

PLACES, CROWD = 5, 20


@dataclass
class Scene:
    code_id: UUID
    crowd: list[Person]
    told: RegistrationIn


@pytest.fixture
async def scene(many: Database, committed_branch: tuple[Branch, Area], settings: Settings) -> Scene:
    branch, area = committed_branch
    code = await committed_code(many, branch.id, branch.secretary.id, max_uses=PLACES)
    async with many.transaction() as session:
        crowd = [await People(session, settings).member() for _ in range(CROWD)]
    told = RegistrationIn.model_validate({
        "real_name": "王小明", "occupation": "courier", "work_area_id": area.id, "employers": [{"name": "闪送"}], "scene": code.scene,
        "political_status": "masses",
    })
    return Scene(code.id, crowd, told)


class Careless:
    """The known-bad variant of `service.use`: reads, looks, and writes what it has read plus one, when all have read."""

    def __init__(self) -> None:
        self.all_have_read = asyncio.Barrier(CROWD)

    async def use(self, session: AsyncSession, *, qrcode_id: UUID) -> None:
        found = await session.exec(sa.select(QrCode).where(col(QrCode.id) == qrcode_id).execution_options(populate_existing=True))
        code = found.scalars().one()
        workflow.require_usable(code, clock.now())
        uses = code.uses + 1
        await self.all_have_read.wait()
        await session.exec(sa.update(QrCode).where(col(QrCode.id) == qrcode_id).values(uses=uses))


def judged(outcomes: Sequence[str], registered: int, uses: int) -> None:
    """As many come in as there are places, the others hear why, and the count is what happened."""
    assert Counter(outcomes) == Counter({"ok": PLACES, "qrcode_inactive": CROWD - PLACES}), Counter(outcomes)
    assert (registered, uses) == (PLACES, PLACES), (registered, uses)


@pytest.mark.parametrize("bad", [False, True])
async def test_five_places_for_twenty(many: Database, scene: Scene, bad: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if bad:
        monkeypatch.setattr(qrcodes_service, "use", Careless().use)

    async def register(person: Person) -> str:
        try:
            async with many.transaction() as session:
                await registrations_service.register(session, principal=person.principal, told=scene.told, phone=None)
            return "ok"
        except AppError as refusal:
            return refusal.code

    async with asyncio.timeout(60):
        outcomes = await asyncio.gather(*(register(person) for person in scene.crowd))
    async with many.reader() as session:
        counted: Any = await session.exec(
            sa.select(sa.func.count()).select_from(Registration).where(col(Registration.qrcode_id) == scene.code_id)
        )
        registered = counted.scalar_one()
        uses = (await session.exec(sa.select(col(QrCode.uses)).where(col(QrCode.id) == scene.code_id))).scalar_one()
    if bad:
        with pytest.raises(AssertionError):
            judged(outcomes, registered, uses)
    else:
        judged(outcomes, registered, uses)
