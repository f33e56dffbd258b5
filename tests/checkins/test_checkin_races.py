"""Many at once, with real commits: one check-in is confirmed and paid once, one role is given once, one person reports in once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.areas.models import Area
from app.audit.models import AuditEvent
from app.auth.models import AccessGrant, Scope
from app.auth.roles import Role, ScopeType
from app.checkins import queries, service
from app.checkins.models import AppointedRole, Appointment, CheckIn, Kind, Status
from app.checkins.schemas import AppointIn, CheckInIn, ConfirmIn
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import AppError
from app.members import service as members_service
from app.messages.models import Message
from app.points import service as points_service
from app.points.models import PointsAward, PointsBalance, PointsEntry, PointsLot, PointsTransaction
from app.qrcodes.models import QrCode
from app.settings import Settings
from tests.support.county import make_county
from tests.support.owner import as_owner
from tests.support.people import People, Person

PATH = "370899/"
CONTENDERS = 6


@dataclass
class Scene:
    database: Database
    rider: Person
    reviewer: Person
    area: Area

    async def at_once(self, act: Callable[[AsyncSession, int], Awaitable[Any]]) -> Counter[str]:
        """How often each outcome is met when all act in transactions of their own: `ok`, or the refusal's code."""

        async def one(number: int) -> str:
            try:
                async with self.database.transaction() as session:
                    await act(session, number)
                return "ok"
            except AppError as refusal:
                return refusal.code
            except IntegrityError:
                return "constraint"

        return Counter(await asyncio.gather(*(one(number) for number in range(CONTENDERS))))

    async def report_in(self) -> UUID:
        async with self.database.transaction() as session:
            told = CheckInIn(kind=Kind.MEMBER)
            return (await service.report_in(session, principal=self.rider.principal, area_id=self.area.id, told=told)).id

    async def confirm(self, session: AsyncSession, checkin_id: UUID) -> None:
        await service.confirm(
            session, principal=self.reviewer.principal, area_id=self.area.id, checkin_id=checkin_id, told=ConfirmIn(), seen=None
        )

    async def paid(self) -> list[int]:
        async with self.database.session() as session:
            lines = sa.select(col(PointsTransaction.amount)).where(col(PointsTransaction.member_id) == self.rider.id)
            return list((await session.exec(lines)).scalars().all())

    async def roles(self) -> list[AppointedRole]:
        async with self.database.session() as session:
            here = sa.select(col(CheckIn.id)).where(col(CheckIn.area_id) == self.area.id)
            held = sa.select(col(Appointment.role)).where(col(Appointment.checkin_id).in_(here)).order_by(col(Appointment.role))
            return list((await session.exec(held)).scalars().all())


@pytest.fixture
async def scene(committed: Database, settings: Settings) -> AsyncIterator[Scene]:
    async with committed.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        rider = await people.member()
        await members_service.set_profile(session, member_id=rider.id, real_name="王小明")
        reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)])
    yield Scene(committed, rider, reviewer, county.community)
    await _clear(committed, rider.id, reviewer.id)


async def _clear(committed: Database, *members: UUID) -> None:
    """What lies in the committed county, and the ledger of its people, whose triggers are told to look away."""
    rows = sa.select(col(CheckIn.id)).where(col(CheckIn.area_path).startswith(PATH))
    lines = sa.select(col(PointsTransaction.id)).where(col(PointsTransaction.member_id).in_(members))
    async with committed.transaction() as session, as_owner(session):
        await session.exec(sa.text("set local session_replication_role = replica"))
        for gone in (
            sa.delete(Message).where(col(Message.member_id).in_(members)),
            sa.delete(Appointment).where(col(Appointment.checkin_id).in_(rows)),
            sa.delete(QrCode).where(col(QrCode.issued_by).in_(members)),
            sa.delete(CheckIn).where(col(CheckIn.area_path).startswith(PATH)),
            sa.delete(PointsEntry).where(col(PointsEntry.transaction_id).in_(lines)),
            sa.delete(AuditEvent).where(AuditEvent.facts["member_id"].astext.in_(map(str, members))),
            *(sa.delete(table).where(col(table.member_id).in_(members)) for table in (PointsLot, PointsAward)),
            sa.delete(PointsTransaction).where(col(PointsTransaction.member_id).in_(members)),
            sa.delete(PointsBalance).where(col(PointsBalance.member_id).in_(members)),
            sa.delete(AccessGrant).where(col(AccessGrant.account_id).in_(members)),
            sa.delete(Scope).where(col(Scope.area_path).startswith(PATH)),
            sa.delete(Area).where(col(Area.path).startswith(PATH)),
        ):
            await session.exec(gone)


def one_winner(outcomes: Counter[str], *losers: str) -> None:
    assert outcomes["ok"] == 1 and set(outcomes) <= {"ok", *losers}, outcomes


def paid_once(paid: list[int]) -> None:
    assert paid == [50], paid


@pytest.fixture
def blind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """The known-bad variant: code that forgets the lock and the look. What is left is the database's own word."""
    if request.param:
        locking = queries.access

        async def unlocked(session: Any, **told: Any) -> CheckIn:
            return await locking(session, **(told | {"lock": False}))

        async def never(session: Any, **told: Any) -> bool:
            return False

        monkeypatch.setattr(queries, "access", unlocked)
        monkeypatch.setattr(queries, "holds", never)
    return bool(request.param)


@pytest.mark.parametrize("blind", [False, True], indirect=True)
async def test_many_confirmations_pay_and_appoint_once(scene: Scene, blind: bool) -> None:
    checkin_id = await scene.report_in()
    outcomes = await scene.at_once(lambda session, _: scene.confirm(session, checkin_id))
    one_winner(outcomes, "invalid_transition", *(["constraint"] if blind else []))
    paid_once(await scene.paid())
    assert await scene.roles() == [AppointedRole.MOBILE_GRID_MEMBER]


async def test_a_naive_confirmation_pays_twice_and_is_caught(scene: Scene) -> None:
    """All read before any writes, and each pays for a source of its own: the judgement above must fail for this."""
    checkin_id, barrier = await scene.report_in(), asyncio.Barrier(2)

    async def naive(session: AsyncSession, number: int) -> None:
        if number > 1:
            return
        row = await session.get_one(CheckIn, checkin_id)
        pending = row.status is Status.PENDING
        await barrier.wait()
        if pending:
            await points_service.award(
                session, member_id=scene.rider.id, rule="COMMUNITY_CHECKIN", source_type="checkin", source_id=new_id(), source_number=None,
                filed_at=row.created_at, area_path=row.area_path,
            )

    await scene.at_once(naive)
    with pytest.raises(AssertionError):
        paid_once(await scene.paid())


@pytest.mark.parametrize("blind", [False, True], indirect=True)
async def test_one_role_is_given_once(scene: Scene, blind: bool) -> None:
    checkin_id = await scene.report_in()
    async with scene.database.transaction() as session:
        await scene.confirm(session, checkin_id)

    async def appoint(session: AsyncSession, _: int) -> None:
        told = AppointIn(role=AppointedRole.POLICY_SPEAKER)
        await service.appoint(session, principal=scene.reviewer.principal, area_id=scene.area.id, checkin_id=checkin_id, told=told)

    one_winner(await scene.at_once(appoint), "constraint" if blind else "already_exists")
    assert await scene.roles() == [AppointedRole.MOBILE_GRID_MEMBER, AppointedRole.POLICY_SPEAKER]


async def test_the_database_lets_two_writers_see_each_other(scene: Scene) -> None:
    """Below the service, whose day's number makes writers wait as well: the second insert waits for the first, and is refused."""
    checkin_id = await scene.report_in()
    async with scene.database.transaction() as session:
        await scene.confirm(session, checkin_id)
        held = (await session.exec(sa.select(Appointment).where(col(Appointment.checkin_id) == checkin_id))).scalars().one()
        same = {name: getattr(held, name) for name in ("checkin_id", "valid_from", "valid_until", "appointed_by", "qrcode_id")}
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def insert(session: AsyncSession) -> None:
        await session.exec(sa.insert(Appointment).values(
            id=new_id(), number=f"Z{new_id().hex[-12:]}", role=AppointedRole.OPINION_COURIER, version=1, **same
        ))

    async def second() -> None:
        async with scene.database.transaction() as session:
            pid.set_result((await session.exec(sa.select(sa.func.pg_backend_pid()))).scalar_one())
            await insert(session)

    async with scene.database.session() as watching, scene.database.transaction() as session:
        await insert(session)
        later = asyncio.create_task(second())
        blocked = sa.select(sa.func.cardinality(sa.func.pg_blocking_pids(await pid)))
        while not later.done() and not (await watching.exec(blocked)).scalar_one():
            pass
    with pytest.raises(IntegrityError, match="the same role twice"):
        await later
    assert (await scene.roles()).count(AppointedRole.OPINION_COURIER) == 1


async def test_a_confirmation_against_a_withdrawal_has_one_end(scene: Scene) -> None:
    checkin_id = await scene.report_in()

    async def either(session: AsyncSession, number: int) -> None:
        if number % 2:
            await scene.confirm(session, checkin_id)
        else:
            await service.withdraw(
                session, principal=scene.rider.principal, area_id=scene.area.id, checkin_id=checkin_id, seen=None
            )

    one_winner(await scene.at_once(either), "invalid_transition")
    async with scene.database.session() as session:
        row = await session.get_one(CheckIn, checkin_id)
    assert (await scene.paid() == [50]) == (row.status is Status.CONFIRMED)


async def test_one_person_reports_in_once(scene: Scene) -> None:
    one_winner(await scene.at_once(lambda session, _: service.report_in(
        session, principal=scene.rider.principal, area_id=scene.area.id, told=CheckInIn(kind=Kind.MEMBER)
    )), "already_exists")
