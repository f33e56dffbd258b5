"""Every change of discounts, and what happens when a member shows an identity code at a store.

What is kept of a visit is a total and marks that name nobody: no row, event or log line says that a member was at a store.
Lock order: the token's mark, the mark of the member's share of the day, the total; of a change: the discount, its store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.discounts import codes, queries, workflow
from app.discounts.codes import Code, Confirmation
from app.discounts.models import Discount, StoreVisitDay, StoreVisitMark
from app.discounts.workflow import Bearer
from app.errors import CodeNotFound, Conflict, Forbidden, LimitReached, TicketExpired, TooManyAttempts, ValidationFailed, expect_version
from app.security import sealing, throttles
from app.stores.models import Store

SWEPT = 10_000


@dataclass(frozen=True, slots=True)
class Visit:
    """A discount that was given. Its id stands in the answer and in the trail, and leads to no member."""

    id: UUID
    at: datetime


@dataclass(frozen=True, slots=True)
class Received:
    """What a clerk learns of a member who showed a code. `confirm_token` gives one of the discounts when none was given at once."""

    bearer: Bearer
    discounts: Sequence[Discount]
    used_today: Mapping[UUID, int]
    confirm_token: str | None
    visit: Visit | None


async def add(session: AsyncSession, *, principal: Principal, store_id: UUID, fields: Mapping[str, Any]) -> Discount:
    """Raises NotFound for an unknown store, Forbidden for anybody else's, Conflict when it has as many as a clerk can read."""
    store = await queries.access_managed_store(session, principal=principal, store_id=store_id)
    discount = Discount(store_id=store_id, **fields)
    session.add(discount)
    await session.flush()
    await _expect_few(session, store_id)
    _record(session, "discount.create", discount, store)
    return discount


async def update(
    session: AsyncSession, *, principal: Principal, discount_id: UUID, seen: int | None, fields: Mapping[str, Any]
) -> Discount:
    """Changes what is given.

    Raises NotFound, Forbidden, VersionMismatch, ValidationFailed for days in the wrong order, Conflict as `add` does.
    """
    discount, store = await queries.access_managed(session, principal=principal, discount_id=discount_id)
    expect_version(seen, discount.version)
    for name, value in fields.items():
        setattr(discount, name, value)
    if discount.ends_on is not None and discount.ends_on < discount.starts_on:
        raise ValidationFailed.of("body", "ends_on", msg="结束日应不早于开始日", kind="ends_on")
    discount.version += 1
    session.add(discount)
    await session.flush()
    await _expect_few(session, discount.store_id)
    _record(session, "discount.update", discount, store, fields=sorted(fields))
    return discount


async def receive(
    session: AsyncSession, *, principal: Principal, store_id: UUID, token: str, discount_id: UUID | None
) -> Received:
    """Uses a member's token up: shows what the store gives them, or gives `discount_id` of it. A refusal uses nothing up.

    Raises NotFound for who does not work there and for another store's discount, TooManyAttempts, CodeNotFound for a forged token
    (counted), TicketExpired for one that is old or was used, Forbidden for the clerk's own, Conflict, LimitReached.
    """
    store = await queries.access_till(session, principal=principal, store_id=store_id)
    wanted = None if discount_id is None else await queries.of_store(session, store_id=store_id, discount_id=discount_id)
    now = await queries.now(session)
    shown = await _shown(session, principal, store_id, token, now)
    day = clock.local_day(now)
    listed = await queries.running(session, store_id=store_id, day=day)
    asked = workflow.asks_level(listed)
    bearer = await queries.bearer(session, shown.member_id, with_level=asked)
    if not await _mark(session, [shown.once.hex()], purpose=queries.TOKEN, day=day):
        raise TicketExpired
    visit = None if wanted is None else await _give(session, wanted, store, bearer, now)
    used = await queries.used_today(session, listed=listed, member_id=bearer.id, day=day)
    return Received(bearer, listed, used, None if visit else _confirmation(session, principal, store_id, shown, now), visit)


async def sweep(session: AsyncSession) -> int:
    """Deletes marks that have served, at most `SWEPT` a run; returns how many."""
    over = workflow.over(await queries.now(session))
    old = sa.select(col(StoreVisitMark.mark)).where(col(StoreVisitMark.expires_on) <= over).limit(SWEPT)
    gone = await session.exec(sa.delete(StoreVisitMark).where(col(StoreVisitMark.mark).in_(old)))
    return gone.rowcount


async def _expect_few(session: AsyncSession, store_id: UUID) -> None:
    live = await queries.live_count(session, store_id=store_id, day=clock.local_day(await queries.now(session)))
    if live > workflow.MOST_LIVE:
        raise Conflict(f"每个商家最多同时有{workflow.MOST_LIVE}项会员优惠，请先结束不用的")


async def _shown(session: AsyncSession, principal: Principal, store_id: UUID, token: str, now: datetime) -> Code | Confirmation:
    """What the token says, if this clerk may use it here and now."""
    wait = await queries.forged_wait(session, store_id)
    if wait:
        raise TooManyAttempts(retry_after=wait)
    shown = codes.read(sealing.ring(session), token)
    if isinstance(shown, Confirmation) and (shown.store_id, shown.clerk_id) != (store_id, principal.account_id):
        shown = None
    if shown is None:
        raise _forged(store_id)
    if shown.member_id == principal.account_id:
        raise Forbidden("不能扫自己的会员码")
    if shown.too_old(now):
        raise TicketExpired
    return shown


def _forged(store_id: UUID) -> CodeNotFound:
    """The refusal of a token that we never made; it outlives the refusal as an attempt at this store, whoever showed it.

    Attempts are judged and counted one after the other, so that of many at once only ten hear that a token is forged.
    """

    async def count(session: AsyncSession) -> None:
        key = queries.forged_key(store_id)
        await throttles.hold(session, key)
        wait = await queries.forged_wait(session, store_id)
        if wait:
            raise TooManyAttempts(retry_after=wait)
        await throttles.count_failure(session, key)
        audit_service.record(
            session, "discount.guess", object_kind="store", object_id=store_id, outcome="denied", reason="ticket_forged"
        )
        await session.flush()

    refusal = CodeNotFound("没有找到这个会员码，请顾客刷新后再扫")
    refusal.then(count)
    return refusal


def _confirmation(session: AsyncSession, principal: Principal, store_id: UUID, shown: Code | Confirmation, now: datetime) -> str:
    return codes.confirmation(
        sealing.ring(session), member_id=shown.member_id, store_id=store_id, clerk_id=principal.account_id,
        made_at=shown.scanned_at(now),
    )


async def _give(session: AsyncSession, discount: Discount, store: Store, bearer: Bearer, now: datetime) -> Visit:
    day = clock.local_day(now)
    if not workflow.runs(discount, day):
        raise Conflict("该优惠未开始、已结束或已暂停")
    if not workflow.is_for(discount, bearer):
        raise Conflict("该优惠不适用于这位顾客")
    if not await _mark(session, workflow.shares(discount, member_id=bearer.id, day=day), purpose=queries.SHARE, day=day):
        raise LimitReached("这位顾客今天已享受过该优惠", limit=discount.per_member_per_day, period="day")
    await session.exec(
        insert(StoreVisitDay)
        .values(store_id=store.id, day=day, discount_id=discount.id, visits=1)
        .on_conflict_do_update(index_elements=["store_id", "day", "discount_id"], set_={"visits": StoreVisitDay.visits + 1})
    )
    visit = Visit(new_id(), now)
    _record(session, "discount.give", discount, store, visit_id=str(visit.id))
    await session.flush()
    return visit


async def _mark(session: AsyncSession, values: Sequence[str], *, purpose: str, day: date) -> bool:
    """Marks the first of these values that is not marked yet; False when all of them are.

    Whoever asks for the same values at once waits for the other's commit, in a process whose active key differs too.
    """
    await sealing.hold(session, values[0], purpose=purpose)
    free = await queries.first_free(session, values, purpose=purpose)
    if free is None:
        return False
    mark = sealing.blind_index(session, free, purpose=purpose)
    made = await session.exec(
        insert(StoreVisitMark).values(mark=mark, expires_on=workflow.expiry(day)).on_conflict_do_nothing(index_elements=["mark"])
    )
    return bool(made.rowcount)


def _record(session: AsyncSession, action: str, discount: Discount, store: Store, **facts: Any) -> None:
    audit_service.record(
        session, action, object_kind="discount", object_id=discount.id, area_path=store.area_path, store_id=str(store.id), **facts
    )
