"""Every SELECT of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app import clock
from app.auth.models import Account
from app.auth.principal import AccountStatus, Principal, within
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import NotFound
from app.points import workflow
from app.points.models import (
    Kind,
    LedgerAccount,
    PointsAward,
    PointsBalance,
    PointsEntry,
    PointsLot,
    PointsProposal,
    PointsRule,
    PointsText,
    PointsTransaction,
    ProposalStatus,
)
from app.points.workflow import Part, Usage


@dataclass(frozen=True, slots=True)
class Standing:
    """A member's points as the member sees them."""

    available: int
    held: int
    debt: int
    earned_12_months: int
    level: int
    expiring: list[dict[str, Any]]


async def rule_in_force(session: AsyncSession, *, code: str, area_path: str) -> PointsRule:
    """The newest version for the nearest area that has one of its own, else the platform's. Raises NotFound."""
    found = await session.exec(
        sa.select(PointsRule)
        .where(
            col(PointsRule.code) == code,
            sa.or_(col(PointsRule.area_path).is_(None), sa.literal(area_path).startswith(col(PointsRule.area_path))),
        )
        .order_by(sa.func.coalesce(sa.func.length(PointsRule.area_path), 0).desc(), col(PointsRule.version).desc())
        .limit(1)
    )
    rule: PointsRule | None = found.scalars().first()
    if rule is None:
        raise NotFound
    return rule


async def latest_rule(session: AsyncSession, *, code: str) -> PointsRule:
    """The version to count on from, whatever its area; locks it so that two changes at once get two numbers. Raises NotFound."""
    found = await session.exec(
        sa.select(PointsRule).where(col(PointsRule.code) == code).order_by(col(PointsRule.version).desc()).limit(1).with_for_update()
    )
    rule: PointsRule | None = found.scalars().first()
    if rule is None:
        raise NotFound
    return rule


async def rules(session: AsyncSession, *, area_path: str) -> Sequence[PointsRule]:
    """The rule of each code that is in force in an area, by code."""
    found = await session.exec(
        sa.select(PointsRule)
        .where(sa.or_(col(PointsRule.area_path).is_(None), sa.literal(area_path).startswith(col(PointsRule.area_path))))
        .ext(distinct_on(col(PointsRule.code)))
        .order_by(
            col(PointsRule.code), sa.func.coalesce(sa.func.length(PointsRule.area_path), 0).desc(), col(PointsRule.version).desc()
        )
    )
    return found.scalars().all()


async def award(session: AsyncSession, *, member_id: UUID, rule: str, source_type: str, source_id: UUID) -> PointsAward | None:
    found = await session.exec(
        sa.select(PointsAward).where(
            col(PointsAward.rule_code) == rule, col(PointsAward.source_type) == source_type, col(PointsAward.source_id) == source_id,
            col(PointsAward.member_id) == member_id,
        )
    )
    known: PointsAward | None = found.scalars().first()
    return known


async def is_erased(session: AsyncSession, *, member_id: UUID) -> bool:
    """Ask with the balance row locked: an erasure that has it makes the caller wait, and is seen then."""
    found = await session.exec(
        sa.select(sa.literal(1)).where(col(Account.id) == member_id, col(Account.status) == AccountStatus.ERASED)
    )
    return found.first() is not None


async def usage(session: AsyncSession, *, member_id: UUID, rule: str, day: date) -> Usage:
    """Counts under the caller's lock on the balance row, so that awards at once cannot both see the same room."""
    week = day - timedelta(days=day.weekday())
    month, year = day.replace(day=1), day.replace(month=1, day=1)
    next_year, next_month = date(day.year + 1, 1, 1), clock.next_month(day)
    on, mine = col(PointsAward.filed_on), sa.and_(col(PointsAward.rule_code) == rule, col(PointsAward.credited) > 0)
    in_week, in_month = sa.and_(on >= week, on < week + timedelta(days=7)), sa.and_(on >= month, on < next_month)
    points = sa.func.sum(PointsAward.credited)
    row = await session.exec(
        sa.select(
            sa.func.count().filter(mine, on == day), sa.func.count().filter(mine, in_week), sa.func.count().filter(mine, in_month),
            sa.func.count().filter(mine, on >= year), sa.func.coalesce(points.filter(on == day), 0),
            sa.func.coalesce(points.filter(in_month), 0), sa.func.coalesce(points.filter(on >= year), 0),
        ).where(col(PointsAward.member_id) == member_id, on >= min(year, week), on < next_year)
    )
    return Usage(*row.one())


async def held_parts(session: AsyncSession, *, redemption_id: UUID) -> list[Part]:
    """Which lots the hold of an order came from, soonest to expire first."""
    rows = await session.exec(
        sa.select(col(PointsEntry.lot_id), col(PointsEntry.amount))
        .join(PointsTransaction, col(PointsTransaction.id) == col(PointsEntry.transaction_id))
        .join(PointsLot, col(PointsLot.id) == col(PointsEntry.lot_id))
        .where(
            col(PointsTransaction.reference_type) == "redemption", col(PointsTransaction.reference_id) == redemption_id,
            col(PointsTransaction.kind) == Kind.HOLD, col(PointsEntry.account) == LedgerAccount.HELD,
        )
        .order_by(col(PointsLot.expires_on), col(PointsLot.id))
    )
    return [Part(*row) for row in rows.all()]


async def earned_12_months(session: AsyncSession, *, member_id: UUID) -> int:
    """Points earned in the last 365 days, less what was clawed back of them."""
    since = clock.now() - timedelta(days=365)
    claw_back = sa.and_(col(PointsTransaction.kind) == Kind.REVERSE, col(PointsTransaction.amount) < 0)
    found = await session.exec(
        sa.select(sa.func.coalesce(sa.func.sum(PointsTransaction.amount), 0)).where(
            col(PointsTransaction.member_id) == member_id, col(PointsTransaction.created_at) >= since,
            sa.or_(col(PointsTransaction.kind) == Kind.EARN, claw_back),
        )
    )
    return max(0, int(found.scalar_one()))


async def level(session: AsyncSession, *, member_id: UUID) -> int:
    return workflow.level(await earned_12_months(session, member_id=member_id))


async def standing(session: AsyncSession, *, member_id: UUID) -> Standing:
    found = await session.exec(sa.select(PointsBalance).where(col(PointsBalance.member_id) == member_id))
    balance = found.scalars().first() or PointsBalance(member_id=member_id)
    lots = await session.exec(
        sa.select(col(PointsLot.expires_on), sa.func.sum(PointsLot.remaining))
        .where(col(PointsLot.member_id) == member_id, col(PointsLot.remaining) > 0)
        .group_by(col(PointsLot.expires_on))
        .order_by(col(PointsLot.expires_on))
    )
    earned = await earned_12_months(session, member_id=member_id)
    return Standing(
        available=balance.available, held=balance.held, debt=balance.debt, earned_12_months=earned, level=workflow.level(earned),
        expiring=[{"amount": amount, "on": on} for on, amount in lots.all()],
    )


async def lines(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[PointsTransaction]:
    """The member's lines, newest first, one more than `limit`."""
    statement = sa.select(PointsTransaction).where(col(PointsTransaction.member_id) == member_id)
    if after is not None:
        statement = statement.where(col(PointsTransaction.id) < after)
    found = await session.exec(statement.order_by(col(PointsTransaction.id).desc()).limit(limit + 1))
    return found.scalars().all()


async def earned_line(session: AsyncSession, *, principal: Principal, entry_id: UUID) -> PointsTransaction:
    """The line to claw back, found only by an area administrator of some area (`proposals` checks which). Raises NotFound."""
    found = await session.get(PointsTransaction, entry_id)
    if found is None or not principal.has(Role.AREA_ADMIN):
        raise NotFound
    return found


async def lot_of(session: AsyncSession, *, transaction_id: UUID) -> UUID | None:
    found = await session.exec(sa.select(col(PointsLot.id)).where(col(PointsLot.transaction_id) == transaction_id))
    lot: UUID | None = found.scalars().first()
    return lot


async def access_proposal(session: AsyncSession, *, principal: Principal, proposal_id: UUID, type: str) -> PointsProposal:
    """Locks a proposal in the caller's areas. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(PointsProposal)
        .where(
            col(PointsProposal.id) == proposal_id, col(PointsProposal.type) == type,
            within(col(PointsProposal.area_path), principal.area_paths(Role.AREA_ADMIN)),
        )
        .with_for_update()
    )
    proposal: PointsProposal | None = found.scalars().first()
    if proposal is None:
        raise NotFound
    return proposal


async def proposals(
    session: AsyncSession, *, principal: Principal, type: str, status: ProposalStatus | None, limit: int, after: UUID | None
) -> Sequence[Any]:
    """Proposals in the caller's areas with their reasons, newest first, one more than `limit`."""
    statement = (
        sa.select(PointsProposal, col(PointsText.text))
        .join(PointsText, col(PointsText.id) == col(PointsProposal.reason_id))
        .where(col(PointsProposal.type) == type, within(col(PointsProposal.area_path), principal.area_paths(Role.AREA_ADMIN)))
    )
    if status is not None:
        statement = statement.where(col(PointsProposal.status) == status)
    if after is not None:
        statement = statement.where(col(PointsProposal.id) < after)
    found = await session.exec(statement.order_by(col(PointsProposal.id).desc()).limit(limit + 1))
    return found.all()


async def clawback_of(session: AsyncSession, *, entry_id: UUID) -> UUID | None:
    """The open or approved proposal to take a line back."""
    found = await session.exec(
        sa.select(col(PointsProposal.id)).where(
            col(PointsProposal.entry_id) == entry_id, col(PointsProposal.status) != ProposalStatus.REJECTED
        )
    )
    proposal: UUID | None = found.scalars().first()
    return proposal


async def titles(session: AsyncSession) -> dict[str, str]:
    """Rule code → title, of the newest version."""
    found = await session.exec(
        sa.select(col(PointsRule.code), col(PointsRule.title))
        .ext(distinct_on(col(PointsRule.code)))
        .order_by(col(PointsRule.code), col(PointsRule.version).desc())
    )
    return {row[0]: row[1] for row in found.all()}


async def members_with_lapsed(session: AsyncSession, *, today: date) -> Sequence[UUID]:
    """Members who have points whose last day is over."""
    found = await session.exec(
        sa.select(col(PointsLot.member_id)).where(col(PointsLot.remaining) > 0, col(PointsLot.expires_on) < today).distinct()
    )
    return found.scalars().all()


async def lapsing_on(session: AsyncSession, *, on: date) -> Sequence[Any]:
    """(member, points) of what can last be spent on a day."""
    found = await session.exec(
        sa.select(col(PointsLot.member_id), sa.func.sum(PointsLot.remaining))
        .where(col(PointsLot.remaining) > 0, col(PointsLot.expires_on) == on)
        .group_by(col(PointsLot.member_id))
    )
    return found.all()


async def may_see_proof(session: AsyncSession, principal: Principal, owner_id: UUID) -> bool:
    """May the caller see the proof that is attached to a proposal? Area administrators of its area may."""
    proposal = await session.get(PointsProposal, owner_id)
    return proposal is not None and principal.covers(proposal.area_path, Role.AREA_ADMIN)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """Every line of a person's ledger and the objections they made, for the copy of one's data."""
    found = await session.exec(
        sa.select(PointsTransaction).where(col(PointsTransaction.member_id) == member_id).order_by(col(PointsTransaction.id))
    )
    texts = await session.exec(sa.select(col(PointsText.text)).where(col(PointsText.member_id) == member_id))
    return {
        "entries": [
            {
                "kind": line.kind.value, "amount": line.amount, "held": line.held, "balance_after": line.balance_after,
                "rule": line.rule_code, "reference": line.reference_number, "at": line.created_at.isoformat(),
            }
            for line in found.scalars().all()
        ],
        "texts": [text for text in texts.scalars().all() if text],
    }
