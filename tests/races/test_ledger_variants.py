"""Known-bad variants of the ledger itself: the product's own code with one thing put wrong, refused by the judgements that it passes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from app.db.session import AsyncSession
from app.points import ledger, queries_awarding
from app.points.ledger import OWN_ACCOUNTS, Balance, Leg
from app.points.models import LedgerAccount, PointsBalance
from app.points.queries_awarding import Grounds
from app.settings import Settings
from tests.conftest import migrated_database
from tests.races.rushes import expect_agreement, expect_one_payment, expect_the_cap
from tests.races.vault import Vault, copied

CONTENDERS = 10
ONCE = "alter table points_award drop constraint uq_points_award_rule_code_source_type_source_id_member_id"
Post = Callable[..., Any]


@pytest.fixture(scope="module")
async def template(worker_id: str) -> str:
    return await migrated_database(f"xinxin_variant_{worker_id}")


@pytest.fixture
async def vault(template: str, settings: Settings) -> AsyncIterator[Vault]:
    async with copied(template, settings) as opened:
        yield opened


class Meeting:
    """All contenders are between their read and their write before the first goes on; who waits in vain goes on alone."""

    def __init__(self, contenders: int) -> None:
        self._barrier = asyncio.Barrier(contenders)

    async def come(self) -> None:
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            await asyncio.wait_for(self._barrier.wait(), 5)


async def _read(session: AsyncSession, member_id: UUID) -> Balance:
    found = await session.exec(
        sa.select(
            col(PointsBalance.available), col(PointsBalance.held), col(PointsBalance.debt), col(PointsBalance.version), ledger.TODAY
        ).where(col(PointsBalance.member_id) == member_id)
    )
    return Balance(*found.one())


async def test_the_ledger_itself_passes(vault: Vault) -> None:
    """What the variants are refused by."""
    await expect_agreement(vault, vault.members[0], orders=CONTENDERS)
    await expect_the_cap(vault, vault.members[1], contenders=CONTENDERS)
    await expect_one_payment(vault, vault.members[2], contenders=CONTENDERS)


@pytest.mark.variant("S05")
async def test_a_balance_that_is_written_as_computed(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes what it read and what it adds to it, not what it adds to whatever is there."""
    meeting, post = Meeting(CONTENDERS), ledger.post

    async def absolute(session: AsyncSession, *, member_id: UUID, legs: list[Leg], **facts: Any) -> UUID:
        before = await _read(session, member_id)
        if facts["kind"] == "capture":
            await meeting.come()
        made = await post(session, member_id=member_id, legs=legs, **facts)
        moved = {account: sum(leg.amount for leg in legs if leg.account is account) for account in OWN_ACCOUNTS}
        computed = {
            "available": before.available + moved[LedgerAccount.AVAILABLE], "held": before.held + moved[LedgerAccount.HELD],
            "debt": before.debt - moved[LedgerAccount.DEBT],
        }
        await session.exec(sa.update(PointsBalance).where(col(PointsBalance.member_id) == member_id).values(**computed))
        return made

    monkeypatch.setattr(ledger, "post", absolute)
    with pytest.raises(AssertionError, match="I4"):
        await expect_agreement(vault, vault.members[0], orders=CONTENDERS)


@pytest.mark.variant("S05")
async def test_a_lock_that_only_reads(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """All see the same room under the cap."""
    meeting, post = Meeting(CONTENDERS), ledger.post
    await vault.tellers[0].adjust(vault.members[0], 1)  # the row is there

    async def late(session: AsyncSession, **facts: Any) -> UUID:
        await meeting.come()
        return await post(session, **facts)

    monkeypatch.setattr(ledger, "lock", _read)
    monkeypatch.setattr(ledger, "post", late)
    with pytest.raises(AssertionError, match=f"{CONTENDERS * 10}, 50"):
        await expect_the_cap(vault, vault.members[0], contenders=CONTENDERS)


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was judged before is not looked for."""
    seen = queries_awarding.grounds

    async def unknown(session: AsyncSession, **source: Any) -> Grounds:
        return replace(await seen(session, **source), known=None)

    monkeypatch.setattr(queries_awarding, "grounds", unknown)


@pytest.mark.variant("S04")
async def test_a_source_without_a_unique_key(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    await vault.execute(ONCE)
    forgetful(monkeypatch)
    with pytest.raises(AssertionError):
        await expect_one_payment(vault, vault.members[0], contenders=CONTENDERS)


async def test_the_key_holds_where_nobody_looks(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the two is enough: here the key, below the look."""
    forgetful(monkeypatch)
    with pytest.raises(IntegrityError):
        await expect_one_payment(vault, vault.members[0], contenders=CONTENDERS)
    assert await vault.standing(vault.members[0]) == (10, 0, 0)


async def test_the_look_holds_where_there_is_no_key(vault: Vault) -> None:
    await vault.execute(ONCE)
    await expect_one_payment(vault, vault.members[0], contenders=CONTENDERS)
