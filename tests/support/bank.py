"""The verbs of the ledger, each as one unit of work through the services, on savepoints of a test or with real commits."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.failures import refusal_of
from app.db.session import AsyncSession, Database
from app.errors import Busy
from app.invariants import service as invariants_service
from app.invariants.checks import CHECKS
from app.members import service as members_service
from app.points import proposals, service
from app.points.models import PointsLot
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation
from app.points.models_rules import CapCode, PointsCap
from app.points.service import Award
from app.settings import Settings
from app.stores.models import Store
from app.uploads.models import Checked, Upload
from tests.support.county import make_county
from tests.support.people import People

Result = TypeVar("Result")
Work = Callable[[], Awaitable[Result]]
TRIES = 20
BOOKS = [check for check in CHECKS if check.code.rstrip("abcdefgh") in {"I1", "I2", "I3", "I4", "I11"} or check.code == "I5"]
# Everything that there is of some members, in one look.
STATE = sa.text("""
select a.id, coalesce(b.available, 0), coalesce(b.held, 0), coalesce(b.debt, 0),
       coalesce((select json_agg(json_build_array(l.id, l.remaining, l.expires_on, l.transaction_id) order by l.id)
                   from points_lot l where l.member_id = a.id), '[]')::text,
       coalesce((select json_agg(json_build_array(t.id, t.kind, t.amount, t.held, t.balance_after) order by t.account_version)
                   from points_transaction t where t.member_id = a.id), '[]')::text
  from account a left join points_balance b on b.member_id = a.id where a.id = any(:members)
""").bindparams(sa.bindparam("members", type_=sa.ARRAY(sa.Uuid)))


@dataclass(frozen=True)
class Branch:
    """Who and what the verbs need: a place, a store, two administrators, a reviewer, and members."""

    area_path: str
    store_id: UUID
    maker: Principal
    checker: Principal
    reviewer: Principal
    members: list[UUID]


@dataclass(frozen=True)
class Standing:
    """A member's books as they stand in the database; lots and lines as rows of their columns."""

    available: int
    held: int
    debt: int
    lots: list[list[Any]]
    lines: list[list[Any]]


async def open_branch(session: AsyncSession, settings: Settings, *, members: int) -> Branch:
    """Changes by hand are not limited here: that is tested elsewhere."""
    county, people = await make_county(session), People(session, settings)
    over = [(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)]
    maker, checker = [(await people.member(grants=over)).principal for _ in range(2)]
    reviewer = (await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.root.id)])).principal
    west, south = county.spot
    store = Store(
        area_id=county.community.id, area_path=county.community.path, name="东风便利店", address="文化路 1 号", phone="0537-3412345",
        lng=west, lat=south, given_lng=west, given_lat=south, given_crs="gcj02",
    )
    session.add_all([store, *(PointsCap(code=code, version=2) for code in CapCode if code is not CapCode.GLOBAL)])
    opened = [(await people.member()).id for _ in range(members)]
    for member_id in opened:
        await members_service.set_profile(session, member_id=member_id, area=county.community)
    await session.flush()
    return Branch(county.community.path, store.id, maker, checker, reviewer, opened)


async def broken_books(database: Database) -> list[str]:
    """The invariants of balances, lots, lines and caps that do not hold, on one snapshot; orders have no rows here."""
    found = await invariants_service.examine(database, checks=BOOKS)
    assert len(found) == len(BOOKS) and not [one.error for one in found if one.error]
    return [f"{one.check.code} {one.check.means}: {one.sample}" for one in found if one.broken]


async def insisting(work: Work[Result]) -> Result:
    """Whoever hears that the database is busy asks again, as a client does."""
    for _ in range(TRIES - 1):
        try:
            return await work()
        except SQLAlchemyError as error:
            if not isinstance(refusal_of(error), Busy):
                raise
    return await work()


class Bank:
    def __init__(self, database: Database, branch: Branch) -> None:
        self.database, self.branch = database, branch

    async def award(
        self, member_id: UUID, rule: str, source_id: UUID, *, filed_on: date | None = None, subject: UUID | None = None
    ) -> Award:
        filed_at = clock.day_start(filed_on or clock.today()) + timedelta(hours=12)
        async with self.database.transaction() as session:
            return await service.award(
                session, member_id=member_id, rule=rule, source_type="report", source_id=source_id, source_number=None, filed_at=filed_at,
                area_path=self.branch.area_path, subject=subject,
            )

    async def confirm(self, member_id: UUID, source_id: UUID) -> None:
        """Lets through what waits for a second reviewer."""
        waiting = sa.select(col(PointsConfirmation.id)).where(
            col(PointsConfirmation.member_id) == member_id, col(PointsConfirmation.source_id) == source_id,
            col(PointsConfirmation.status) == ConfirmationStatus.PENDING,
        )
        async with self.database.transaction() as session:
            [row] = (await session.exec(waiting)).scalars().all()
            await service.confirm(session, principal=self.branch.reviewer, confirmation_id=row)

    async def hold(self, member_id: UUID, order_id: UUID, points: int) -> None:
        async with self.database.transaction() as session:
            await service.hold(session, amount=points, **_order(member_id, order_id))

    async def capture(self, member_id: UUID, order_id: UUID, points: int) -> None:
        async with self.database.transaction() as session:
            await service.capture(session, amount=points, **_order(member_id, order_id), **self._till())

    async def undo(self, member_id: UUID, order_id: UUID, points: int) -> None:
        async with self.database.transaction() as session:
            await service.reverse_capture(session, amount=points, **_order(member_id, order_id), **self._till())

    async def release(self, member_id: UUID, order_id: UUID, *, expired: bool = False) -> None:
        reason = "redemption_expired" if expired else "redemption_cancelled"
        async with self.database.transaction() as session:
            await service.release(session, reason_code=reason, **_order(member_id, order_id))

    async def adjust(self, member_id: UUID, amount: int) -> None:
        """Proposed by one, approved by another."""
        async with self.database.transaction() as session:
            proof = await self._proof(session)
            proposal = await proposals.propose_adjustment(
                session, principal=self.branch.maker, member_id=member_id, amount=amount, reason="线下补记", upload_id=proof
            )
            await proposals.approve(session, principal=self.branch.checker, proposal_id=proposal.id, type=proposals.ADJUSTMENT)

    async def claw_back(self, line_id: UUID) -> None:
        async with self.database.transaction() as session:
            proposal = await proposals.propose_clawback(
                session, principal=self.branch.maker, entry_id=line_id, reason="虚假上报", upload_id=await self._proof(session)
            )
            await proposals.approve(session, principal=self.branch.checker, proposal_id=proposal.id, type=proposals.CLAWBACK)

    async def expire(self, member_id: UUID) -> int:
        async with self.database.transaction() as session:
            return await service.expire(session, member_id=member_id, today=clock.today())

    async def forget(self, member_id: UUID, orders: Sequence[UUID]) -> None:
        """The live orders are cancelled first, as an erasure does it."""
        async with self.database.transaction() as session:
            for order_id in orders:
                await service.release(session, reason_code="redemption_cancelled", **_order(member_id, order_id))
            await service.forget(session, member_id=member_id)
            await session.exec(sa.update(Account).where(col(Account.id) == member_id).values(status=AccountStatus.ERASED))

    async def pass_days(self, days: int) -> None:
        """For what there is, days go by: each lot's last day comes nearer."""
        async with self.database.transaction() as session:
            mine = col(PointsLot.member_id).in_(self.branch.members)
            await session.exec(sa.update(PointsLot).where(mine).values(expires_on=PointsLot.expires_on - days))

    async def standings(self) -> dict[UUID, Standing]:
        async with self.database.session() as session:
            rows = (await session.exec(STATE, params={"members": self.branch.members})).all()
        return {row[0]: Standing(row[1], row[2], row[3], json.loads(row[4]), json.loads(row[5])) for row in rows}

    async def _proof(self, session: AsyncSession) -> UUID:
        """A photo of the maker's, whose objects nobody looks at."""
        made = new_id()
        session.add(
            Upload(
                id=made, member_id=self.branch.maker.account_id, image_key=f"{made}/image", thumb_key=f"{made}/thumb", size_bytes=1,
                content_type="image/jpeg", width=1, height=1, checked=Checked.PASS,
            )
        )
        await session.flush()
        return made

    def _till(self) -> dict[str, Any]:
        month = clock.month_start(clock.today())
        return {"actor_id": self.branch.checker.account_id, "store_id": self.branch.store_id, "month": month}


def _order(member_id: UUID, order_id: UUID) -> dict[str, Any]:
    return {"member_id": member_id, "redemption_id": order_id, "number": "D20261122-000001"}
