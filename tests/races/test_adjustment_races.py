"""Many change points by hand at once: what is asked for together stays within the limits of the member and of the maker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.auth import service as auth_service
from app.db import session as db_session
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import LimitReached
from app.members import service as members_service
from app.parts import session_info
from app.points import caps, ledger, queries_caps
from app.points.models import PointsProposal, PointsText
from app.settings import Settings
from tests.conftest import migrated_database
from tests.support.newcomer import World
from tests.support.volley import shot, volley

CONTENDERS, EACH = 12, 300


def within(outcomes: Sequence[str], winners: int) -> None:
    """As many as the limit holds, the others refused by it."""
    assert Counter(outcomes) == Counter({"ok": winners, "limit_reached": len(outcomes) - winners}), Counter(outcomes)


@pytest.mark.usefixtures("clean_books")
async def test_a_members_month_is_not_overdrawn(world: World) -> None:
    """Over HTTP, by two administrators in turn: 1,000 a month hold three times 300."""
    rider, shots = await world.rider(), []
    for number in range(CONTENDERS):
        maker = (world.admin, world.second_admin)[number % 2]
        body = {"member_id": rider.id, "amount": EACH, "reason": "线下活动补记", "upload_id": await maker.photo()}
        shots.append(shot(maker, "/points/adjustments", body, key=uuid4().hex))
    answers = await volley(world.service, shots)
    within([answer.outcome for answer in answers], 3)
    assert {answer.json["limit"] for answer in answers if answer.status == 409} == {1_000}


@dataclass(frozen=True)
class Office:
    """A database of its own, with members and makers."""

    database: Database
    members: Sequence[UUID]
    makers: Sequence[UUID]

    async def maker(self) -> UUID:
        """Somebody who has not moved anything."""
        async with self.database.transaction() as session:
            return (await auth_service.ensure_account(session, openid=new_id().hex)).id

    async def at_once(self, pairs: Sequence[tuple[UUID, UUID]]) -> list[str]:
        """(member, maker) each: all have written before any of them is judged."""
        barrier = asyncio.Barrier(len(pairs))

        async def one(member_id: UUID, maker_id: UUID) -> str:
            try:
                async with self.database.transaction() as session:
                    proposal = await self._written(session, member_id, maker_id)
                    await barrier.wait()
                    await caps.require_room(session, proposal)
            except LimitReached as refused:
                return refused.code
            return "ok"

        async with asyncio.timeout(60):
            return list(await asyncio.gather(*(one(*pair) for pair in pairs)))

    async def _written(self, session: AsyncSession, member_id: UUID, maker_id: UUID) -> PointsProposal:
        text = PointsText(member_id=member_id, text="补记")
        session.add(text)
        await session.flush()
        proposal = PointsProposal(
            type="adjustment", member_id=member_id, area_path="370899/", amount=EACH, reason_id=text.id, upload_id=new_id(),
            maker_id=maker_id,
        )
        session.add(proposal)
        await session.flush()
        return proposal


@pytest.fixture
async def office(worker_id: str, settings: Settings) -> AsyncIterator[Office]:
    address = await migrated_database(f"xinxin_office_{worker_id}")
    database = db_session.connect(address, info=session_info(settings), pool_size=20)
    async with database.transaction() as session:
        people = [(await auth_service.ensure_account(session, openid=f"o-{number}")).id for number in range(20)]
        for person in people:
            await members_service.ensure(session, member_id=person)
    yield Office(database, people[:18], people[18:])
    await database.close()


async def test_a_member_is_locked(office: Office) -> None:
    within(await office.at_once([(office.members[0], office.makers[n % 2]) for n in range(CONTENDERS)]), 3)


async def test_a_maker_is_locked_over_many_members(office: Office) -> None:
    """5,000 a month hold sixteen times 300, and no member's own limit is reached."""
    within(await office.at_once([(member, office.makers[0]) for member in office.members]), 16)


@pytest.mark.parametrize("forgotten", ["member", "maker"])
async def test_without_a_lock_each_sees_only_its_own(office: Office, monkeypatch: pytest.MonkeyPatch, forgotten: str) -> None:
    """The known-bad variants: the same sums, taken before the others have committed. The lock on the other person does not help."""
    if forgotten == "member":
        pairs, winners = [(office.members[0], (await office.maker())) for _ in range(CONTENDERS)], 3
    else:
        pairs, winners = [(member, office.makers[0]) for member in office.members], 16
    barrier, counting = asyncio.Barrier(len(pairs)), queries_caps.moved

    async def free(session: AsyncSession, person: UUID) -> None:
        """Asks for no lock."""

    async def together(session: AsyncSession, proposal: PointsProposal, **told: Any) -> Any:
        moved = await counting(session, proposal, **told)
        await barrier.wait()
        return moved

    monkeypatch.setattr(queries_caps, "moved", together)
    monkeypatch.setattr(*((ledger, "lock") if forgotten == "member" else (caps, "lock_maker")), free)
    with pytest.raises(AssertionError):
        within(await office.at_once(pairs), winners)
