"""Twenty people accept an invitation that is good for five; two administrators approve one application: with real commits."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area
from app.areas.schemas import Place
from app.auth.models import AccessGrant
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession, Database
from app.errors import AppError
from app.qrcodes import service as qrcodes_service
from app.qrcodes import workflow
from app.qrcodes.models import QrCode
from app.settings import Settings
from app.stores import queries_applications
from app.stores import service as stores_service
from app.stores.models import Store, StoreCategory
from app.stores.models_applications import StoreApplication
from app.stores.service import applying, inviting
from tests.support.branches import Branch
from tests.support.people import People, Person

PLACES, CROWD = 5, 20
PLACE = Place.model_validate({"lng": 116.72, "lat": 35.52, "crs": "gcj02"})
TOLD = {"name": "并发便利店", "address": "文化路 1 号", "phone": "0537-3412345", "hours": "08:00-22:00", "category": StoreCategory.OTHER}


@dataclass
class Scene:
    area: Area
    admins: list[Person]
    crowd: list[Person]


@pytest.fixture
async def scene(many: Database, committed_branch: tuple[Branch, Area], settings: Settings) -> Scene:
    _, area = committed_branch
    async with many.transaction() as session:
        people = People(session, settings)
        admins = [await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, area.id)]) for _ in range(2)]
        return Scene(area, admins, [await people.member() for _ in range(CROWD)])


class Careless:
    """The known-bad variant of `qrcodes.use`: reads, looks, and writes what it has read plus one, when all have read."""

    def __init__(self) -> None:
        self.all_have_read = asyncio.Barrier(CROWD)

    async def use(self, session: AsyncSession, *, qrcode_id: UUID) -> None:
        found = await session.exec(sa.select(QrCode).where(col(QrCode.id) == qrcode_id).execution_options(populate_existing=True))
        code = found.scalars().one()
        workflow.require_usable(code, clock.now())
        uses = code.uses + 1
        await self.all_have_read.wait()
        await session.exec(sa.update(QrCode).where(col(QrCode.id) == qrcode_id).values(uses=uses))


@pytest.mark.parametrize("bad", [False, True])
async def test_five_places_for_twenty(many: Database, scene: Scene, bad: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = scene.admins[0].principal
    async with many.transaction() as session:
        store = await stores_service.create(session, principal=admin, area_id=scene.area.id, location=PLACE, fields=TOLD)
        made = await inviting.invite(session, principal=admin, store_id=store.id, role=Role.STORE_CLERK, hours=1, max_uses=PLACES)
    if bad:
        monkeypatch.setattr(qrcodes_service, "use", Careless().use)

    async def accept(person: Person) -> str:
        try:
            async with many.transaction() as session:
                await inviting.accept(session, principal=person.principal, code=None, scene=made.code.scene)
            return "ok"
        except AppError as refusal:
            return refusal.code

    async with asyncio.timeout(60):
        outcomes = Counter(await asyncio.gather(*(accept(person) for person in scene.crowd)))
    async with many.reader() as session:
        counted = await session.exec(
            sa.select(sa.func.count()).select_from(AccessGrant).where(col(AccessGrant.scope_id) == store.id)
        )
        hired = counted.scalar_one()
    held = (outcomes, hired) == (Counter({"ok": PLACES, "qrcode_inactive": CROWD - PLACES}), PLACES)
    assert held is not bad, (outcomes, hired)


async def _unlocked(
    session: AsyncSession, *, principal: object, application_id: UUID, lock: bool = False, meet: asyncio.Barrier
) -> StoreApplication:
    """The known-bad variant of `access`: everybody reads it before anybody writes."""
    row = await session.get(StoreApplication, application_id)
    assert row is not None
    await meet.wait()
    return row


@pytest.mark.parametrize("bad", [False, True])
async def test_two_approvals_make_one_store(many: Database, scene: Scene, bad: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    applicant, name = scene.crowd[0].principal, f"并发审批{bad}"
    told = TOLD | {"name": name, "uscc": "92370812MA3C4D5E66", "uscc_confirmed": False}
    async with many.transaction() as session:
        made = await applying.apply(
            session, principal=applicant, area_id=scene.area.id, location=PLACE, upload_ids=(), fields=told
        )
    if bad:
        meet = asyncio.Barrier(len(scene.admins))
        monkeypatch.setattr(queries_applications, "access", lambda session, **asked: _unlocked(session, **asked, meet=meet))

    async def approve(admin: Person) -> str:
        try:
            async with many.transaction() as session:
                await applying.approve(
                    session, principal=admin.principal, application_id=made.id, seen=None, note=None, photo_ids=()
                )
            return "ok"
        except AppError as refusal:
            return refusal.code

    async with asyncio.timeout(60):
        outcomes = Counter(await asyncio.gather(*(approve(admin) for admin in scene.admins)))
    async with many.reader() as session:
        stores = (await session.exec(sa.select(sa.func.count()).select_from(Store).where(col(Store.name) == name))).scalar_one()
    held = (outcomes, stores) == (Counter({"ok": 1, "invalid_transition": 1}), 1)
    assert held is not bad, (outcomes, stores)
