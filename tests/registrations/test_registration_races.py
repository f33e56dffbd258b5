"""Many at once, with real commits: one person registers on several phones, one registration is decided by several people."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import Database
from app.errors import AlreadyExists, AppError
from app.registrations import queries, service
from app.registrations.models import Command, Management, Registration, RegistrationEvent
from app.registrations.schemas import ApproveIn
from tests.registrations.committed import Scene, register


@pytest.mark.parametrize("blind", [False, True])
async def test_one_person_gets_one_open_registration(
    committed: Database, scene: Scene, blind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even for code that forgot to look first (`blind`): then the unique index says no."""
    async def nothing(session: Any, *, member_id: UUID) -> None:
        return None

    if blind:
        monkeypatch.setattr(queries, "open_of", nothing)
    answers = await asyncio.gather(*(register(committed, scene) for _ in range(6)))
    assert sum(isinstance(answer, UUID) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyExists) for answer in answers) == 5


def one_won(outcomes: Sequence[str], steps: Sequence[str]) -> None:
    """Exactly one command took effect, the others heard that things had changed, and the history has that one step."""
    won = [outcome for outcome in outcomes if outcome not in ("invalid_transition", "version_mismatch")]
    assert len(won) == 1, outcomes
    assert list(steps) == ["create", *won], steps


async def give(committed: Database, scene: Scene, registration_id: UUID, name: str, seen: int | None) -> str:
    """One person's command in a transaction of its own; the command, or the code of its refusal."""
    secretary = scene.branch.secretary.principal
    about: dict[str, Any] = {"registration_id": registration_id, "seen": seen}
    try:
        async with committed.transaction() as session:
            if name == "approve":
                told = ApproveIn(
                    management=Management.DIRECT, contact_account_id=scene.branch.instructor.id,
                    next_contact_on=clock.today() + timedelta(days=7),
                )
                await service.approve(session, principal=secretary, told=told, **about)
            elif name == "return":
                await service.send_back(session, principal=secretary, reason="请补充", **about)
            elif name == "reject":
                await service.reject(session, principal=secretary, reason="无法联系", **about)
            else:
                await service.withdraw(session, principal=scene.rider.principal, **about)
    except AppError as refusal:
        return refusal.code
    return name


async def steps_of(committed: Database, registration_id: UUID) -> list[str]:
    async with committed.session() as session:
        found = await session.exec(
            sa.select(col(RegistrationEvent.command))
            .where(col(RegistrationEvent.registration_id) == registration_id)
            .order_by(col(RegistrationEvent.id))
        )
        return [Command(one).value for one in found.scalars().all()]


@pytest.mark.parametrize("seen", [1, None])
async def test_of_several_decisions_at_once_one_counts(committed: Database, scene: Scene, seen: int | None) -> None:
    """With the version that they saw, of all commands one; without it, of those that exclude each other one."""
    registration_id = await register(committed, scene)
    assert isinstance(registration_id, UUID)
    names = ["approve", "return", "withdraw", "reject"] if seen else ["approve", "reject"]
    outcomes = await asyncio.gather(*(give(committed, scene, registration_id, name, seen) for name in names * 2))
    one_won(outcomes, await steps_of(committed, registration_id))
    async with committed.session() as session:
        kept = await session.get(Registration, registration_id)
        assert kept is not None and kept.version == 2


async def test_decisions_that_do_not_lock_would_all_count(
    committed: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: everybody reads before anybody writes. The judgement of the test above must refuse it."""
    registration_id = await register(committed, scene)
    assert isinstance(registration_id, UUID)
    names = ["return", "withdraw", "reject"]
    barrier = asyncio.Barrier(len(names))

    async def unlocked(session: Any, registration_id: UUID) -> Registration | None:
        row: Registration | None = await session.get(Registration, registration_id)
        await barrier.wait()
        return row

    monkeypatch.setattr(queries, "locked", unlocked)
    async with asyncio.timeout(20):
        outcomes = await asyncio.gather(*(give(committed, scene, registration_id, name, 1) for name in names))
    with pytest.raises(AssertionError):
        one_won(outcomes, await steps_of(committed, registration_id))
