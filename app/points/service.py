"""Every change of a balance but those by hand (`proposals.py`): award, hold, capture, release, reversal of a capture, expiry.

All of them lock the member's balance row first and post through `ledger`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.db.base import new_id
from app.db.session import AsyncSession
from app.points import ledger, queries, workflow
from app.points.errors import InsufficientPoints
from app.points.ledger import Balance, Cause, Leg, NewLot, Reference
from app.points.models import Kind, LedgerAccount, PointsAward, PointsLot, PointsRule, PointsText

AVAILABLE, HELD, DEBT = LedgerAccount.AVAILABLE, LedgerAccount.HELD, LedgerAccount.DEBT
ERASED = "account_erased"  # the reason of what settles a balance for good, and of an award that comes after it


@dataclass(frozen=True, slots=True)
class Award:
    """What a rule gave: `withheld` is the part that a cap kept back, `reason` that cap's code."""

    credited: int
    withheld: int
    reason: str | None


async def award(
    session: AsyncSession, *, member_id: UUID, rule: str, source_type: str, source_id: UUID, source_number: str | None,
    filed_at: datetime, area_path: str, points: int | None = None,
) -> Award:
    """Gives a member the points of a rule for one source, once: asked again, it returns what was judged the first time.

    Caps count by the local day of `filed_at`. `points` replaces the rule's figure where a category or an official sets another.
    """
    version = await queries.rule_in_force(session, code=rule, area_path=area_path)
    balance = await ledger.lock(session, member_id)
    known = await queries.award(session, member_id=member_id, rule=rule, source_type=source_type, source_id=source_id)
    if known is not None:
        return Award(known.credited, known.withheld, known.withheld_reason)
    filed_on = clock.local_day(filed_at)
    asked = points if points is not None else version.points
    credited, reason = await _creditable(session, version, member_id=member_id, points=asked, filed_on=filed_on)
    transaction_id = None
    if credited:
        reference = Reference(source_type, source_id, source_number)
        cause = Cause(rule, rule_code=rule, rule_version=version.version)
        transaction_id = await credit(session, member_id, balance, credited, kind=Kind.EARN, reference=reference, cause=cause)
    await session.exec(
        insert(PointsAward).values(
            id=new_id(), member_id=member_id, rule_code=rule, rule_version=version.version, source_type=source_type, source_id=source_id,
            filed_on=filed_on, credited=credited, withheld=asked - credited, withheld_reason=reason, transaction_id=transaction_id,
        )
    )
    audit_service.record(
        session, "points.award", object_kind=source_type, object_id=source_id, area_path=area_path, member_id=str(member_id), rule=rule,
        credited=credited, withheld=asked - credited,
    )
    return Award(credited, asked - credited, reason)


async def _creditable(
    session: AsyncSession, rule: PointsRule, *, member_id: UUID, points: int, filed_on: date
) -> tuple[int, str | None]:
    """What the caps leave. An erased account gets nothing more: its balance is settled for good. The balance row is locked."""
    if await queries.is_erased(session, member_id=member_id):
        return 0, ERASED
    usage = await queries.usage(session, member_id=member_id, rule=rule.code, day=filed_on)
    return workflow.creditable(points, workflow.Caps(rule.per_day, rule.per_week, rule.per_month, rule.per_year), usage)


async def credit(
    session: AsyncSession, member_id: UUID, balance: Balance, points: int, *, kind: Kind, reference: Reference, cause: Cause
) -> UUID:
    """Adds points to a locked balance: the debt takes its share first, the rest becomes a lot. Returns the transaction's id."""
    settled = min(points, balance.debt)
    source = LedgerAccount.ISSUANCE if kind is Kind.EARN else LedgerAccount.ADJUSTMENT
    legs, lot = [Leg(source, -points)], None
    if settled:
        legs.append(Leg(DEBT, settled))
    if points > settled:
        lot = NewLot(new_id(), points - settled, workflow.lapse_day(clock.today()))
        legs.append(Leg(AVAILABLE, points - settled, lot.id))
    return await ledger.post(session, member_id=member_id, kind=kind, legs=legs, reference=reference, cause=cause, lot=lot)


async def take_back(
    session: AsyncSession, member_id: UUID, points: int, *, kind: Kind, reference: Reference, cause: Cause, first_lot: UUID | None = None
) -> UUID:
    """Takes points from a locked balance; what the lots cannot pay becomes debt, what is held is not touched."""
    parts, missing = workflow.take(await ledger.open_lots(session, member_id), points, first=first_lot)
    await ledger.draw(session, parts)
    target = LedgerAccount.ISSUANCE if kind is Kind.REVERSE else LedgerAccount.ADJUSTMENT
    legs = [Leg(target, points), *(Leg(AVAILABLE, -part.points, part.lot_id) for part in parts)]
    if missing:
        legs.append(Leg(DEBT, -missing))
    return await ledger.post(session, member_id=member_id, kind=kind, legs=legs, reference=reference, cause=cause)


async def hold(session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str) -> None:
    """Sets points aside for an order, soonest to expire first.

    Raises:
        InsufficientPoints: with `available` and `needed`.
    """
    balance = await ledger.lock(session, member_id)
    lots = await ledger.open_lots(session, member_id)
    today = clock.today()
    lapsed = [lot for lot in lots if lot.expires_on < today]
    if lapsed:
        await _lapse(session, member_id, lapsed, today)
        lots = [lot for lot in lots if lot.expires_on >= today]
    parts, missing = workflow.take(lots, amount)
    if missing:
        raise InsufficientPoints(available=balance.available - sum(lot.remaining for lot in lapsed), needed=amount)
    await ledger.draw(session, parts)
    legs = [leg for part in parts for leg in (Leg(AVAILABLE, -part.points, part.lot_id), Leg(HELD, part.points, part.lot_id))]
    await ledger.post(
        session, member_id=member_id, kind=Kind.HOLD, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause("redemption_placed", actor_id=member_id),
    )


async def capture(session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str, actor_id: UUID) -> None:
    """Spends what was held for a verified order. The caller's state change guards that this happens once."""
    await ledger.post(
        session, member_id=member_id, kind=Kind.CAPTURE, legs=[Leg(HELD, -amount), Leg(LedgerAccount.REDEEMED, amount)],
        reference=Reference("redemption", redemption_id, number), cause=Cause("redemption_verified", actor_id=actor_id),
    )


async def reverse_capture(session: AsyncSession, *, member_id: UUID, amount: int, redemption_id: UUID, number: str, actor_id: UUID) -> None:
    """Undo: the points are held again for the same order."""
    await ledger.post(
        session, member_id=member_id, kind=Kind.REVERSE, legs=[Leg(LedgerAccount.REDEEMED, -amount), Leg(HELD, amount)],
        reference=Reference("redemption", redemption_id, number), cause=Cause("redemption_undone", actor_id=actor_id),
    )


async def release(session: AsyncSession, *, member_id: UUID, redemption_id: UUID, number: str, reason_code: str) -> None:
    """Returns what was held for an order to the lots it came from; a debt takes its share first.

    `reason_code` is `redemption_cancelled` or `redemption_expired`.
    """
    balance = await ledger.lock(session, member_id)
    held = await queries.held_parts(session, redemption_id=redemption_id)
    rest, settled = workflow.give_back(held, balance.debt)
    today = clock.today()
    grace = workflow.returned_lot_expiry(date.min, today)
    for part in rest:
        await session.exec(
            sa.update(PointsLot).where(col(PointsLot.id) == part.lot_id).values(
                remaining=PointsLot.remaining + part.points,
                expires_on=sa.case((col(PointsLot.expires_on) >= today, col(PointsLot.expires_on)), else_=grace),
            )
        )
    legs = [Leg(HELD, -part.points, part.lot_id) for part in held] + [Leg(AVAILABLE, part.points, part.lot_id) for part in rest]
    if settled:
        legs.append(Leg(DEBT, settled))
    await ledger.post(
        session, member_id=member_id, kind=Kind.RELEASE, legs=legs, reference=Reference("redemption", redemption_id, number),
        cause=Cause(reason_code),
    )


async def expire(session: AsyncSession, *, member_id: UUID, today: date) -> int:
    """Lapses the member's lots whose last day is before `today`; returns the points. Running it again changes nothing."""
    await ledger.lock(session, member_id)
    lapsed = [lot for lot in await ledger.open_lots(session, member_id) if lot.expires_on < today]
    if lapsed:
        await _lapse(session, member_id, lapsed, today)
    return sum(lot.remaining for lot in lapsed)


async def _lapse(session: AsyncSession, member_id: UUID, lots: list[workflow.Lot], today: date) -> None:
    parts = [workflow.Part(lot.id, lot.remaining) for lot in lots]
    await ledger.draw(session, parts)
    legs = [Leg(AVAILABLE, -part.points, part.lot_id) for part in parts]
    legs.append(Leg(LedgerAccount.EXPIRED, sum(part.points for part in parts)))
    await ledger.post(
        session, member_id=member_id, kind=Kind.EXPIRE, legs=legs, reference=Reference("lapse", new_id(), today.isoformat()),
        cause=Cause("lapsed"),
    )


async def change_rule(
    session: AsyncSession, *, code: str, points: int, per_day: int | None, per_week: int | None, per_month: int | None,
    per_year: int | None, area_path: str | None, made_by: UUID,
) -> PointsRule:
    """Adds the next version of a known rule, for an area or for the platform (`area_path` None); lines already written keep theirs.

    Raises NotFound for a code that has no rule.
    """
    known = await queries.latest_rule(session, code=code)
    rule = PointsRule(
        code=code, version=known.version + 1, title=known.title, points=points, points_max=known.points_max, per_day=per_day,
        per_week=per_week, per_month=per_month, per_year=per_year, conditions=known.conditions, area_path=area_path, made_by=made_by,
    )
    session.add(rule)
    audit_service.record(
        session, "points.change_rule", object_kind="points_rule", object_id=rule.id, area_path=area_path, code=code, version=rule.version
    )
    await session.flush()
    return rule


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Settles what is outstanding and empties the sentences about a member; the ledger holds ids and amounts and stays.

    What is available leaves by an adjustment, a debt is written off by one, so that balance and lots are at 0. The live orders have been
    cancelled before, so nothing is held.
    """
    balance = await ledger.lock(session, member_id)
    settled: dict[str, Any] = {"kind": Kind.ADJUST, "reference": Reference("erasure", member_id), "cause": Cause(ERASED)}
    if balance.available:
        await take_back(session, member_id, balance.available, **settled)
    if balance.debt:
        await credit(session, member_id, balance, balance.debt, **settled)
    await session.exec(sa.update(PointsText).where(col(PointsText.member_id) == member_id).values(text=None))
