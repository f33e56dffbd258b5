"""Every SELECT of discounts and visits. Running discounts are public; the totals are the owner's and the administrators'."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth import queries as auth_queries
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.discounts import codes, workflow
from app.discounts.models import Discount, StoreVisitDay, StoreVisitMark
from app.discounts.workflow import Bearer
from app.errors import Forbidden, NotFound, TicketExpired
from app.members import queries as members_queries
from app.points import queries as points_queries
from app.security import sealing, throttles
from app.stores import queries as stores_queries
from app.stores import workflow as stores_workflow
from app.stores.models import Store

CLOCK = sa.func.clock_timestamp()
SHARE, TOKEN = "visit-share", "visit-token"


async def now(session: AsyncSession) -> datetime:
    """The instant by the database's clock."""
    instant: datetime = (await session.exec(sa.select(CLOCK))).scalar_one()
    return instant


async def identity_code(session: AsyncSession, *, principal: Principal) -> tuple[str, datetime]:
    """The caller's code of this moment. Raises Forbidden for who is no member or is leaving, ConsentRequired."""
    if principal.kind is not AccountKind.WECHAT or principal.status is not AccountStatus.ACTIVE:
        raise Forbidden
    principal.require_consent("service")
    return codes.code(sealing.ring(session), member_id=principal.account_id, now=await now(session))


async def access_managed_store(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """Locks a store, so that its discounts can be counted. Raises NotFound for an unknown one, Forbidden for anybody else's."""
    store = await stores_queries.lock(session, store_id)
    if not workflow.manages(principal, store):
        raise Forbidden
    return store


async def access_managed(session: AsyncSession, *, principal: Principal, discount_id: UUID) -> tuple[Discount, Store]:
    """Locks a discount, then its store, for a change; it is given meanwhile.

    Raises NotFound for one that the caller does not see, Forbidden for anybody else's.
    """
    found = await session.exec(
        sa.select(Discount)
        .where(col(Discount.id) == discount_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    discount: Discount | None = found.scalars().first()
    if discount is None:
        raise NotFound
    store = await stores_queries.lock(session, discount.store_id)
    if not workflow.manages(principal, store):
        raise Forbidden if workflow.runs(discount, clock.local_day(await now(session))) else NotFound
    return discount, store


async def access_till(session: AsyncSession, *, principal: Principal, store_id: UUID) -> Store:
    """The store, for those who work there. Raises NotFound for everybody else."""
    store = await stores_queries.get(session, store_id)
    if not stores_workflow.works_at(principal, store):
        raise NotFound
    return store


async def of_store(session: AsyncSession, *, store_id: UUID, discount_id: UUID) -> Discount:
    """Raises NotFound for another store's."""
    found = await session.exec(sa.select(Discount).where(col(Discount.id) == discount_id, col(Discount.store_id) == store_id))
    discount: Discount | None = found.scalars().first()
    if discount is None:
        raise NotFound
    return discount


async def discounts(
    session: AsyncSession, *, principal: Principal, store: Store, limit: int, after: UUID | None
) -> tuple[Sequence[Discount], date]:
    """Newest first, one more than `limit`, and the local day. What does not run is shown to those who manage the store only."""
    day = clock.local_day(await now(session))
    statement = sa.select(Discount).where(col(Discount.store_id) == store.id)
    if not workflow.manages(principal, store):
        statement = statement.where(_running(day))
    if after is not None:
        statement = statement.where(col(Discount.id) < after)
    found = await session.exec(statement.order_by(col(Discount.id).desc()).limit(limit + 1))
    return found.scalars().all(), day


async def running(session: AsyncSession, *, store_id: UUID, day: date) -> Sequence[Discount]:
    """All that a store gives on a day, newest first."""
    found = await session.exec(
        sa.select(Discount).where(col(Discount.store_id) == store_id, _running(day)).order_by(col(Discount.id).desc())
    )
    return found.scalars().all()


async def live_count(session: AsyncSession, *, store_id: UUID, day: date) -> int:
    """How many of a store's discounts are not over, paused or not begun ones among them."""
    found = await session.exec(
        sa.select(sa.func.count()).where(
            col(Discount.store_id) == store_id, sa.or_(col(Discount.ends_on).is_(None), col(Discount.ends_on) >= day)
        )
    )
    return int(found.scalar_one())


async def bearer(session: AsyncSession, member_id: UUID, *, with_level: bool) -> Bearer:
    """Whose code it is, as things are now. Raises TicketExpired when the person has left, or does not agree, any more."""
    try:
        who = await auth_queries.principal_of(session, account_id=member_id)
    except NotFound as error:
        raise TicketExpired from error
    if who.status is not AccountStatus.ACTIVE or "service" not in who.consented:
        raise TicketExpired
    member = await members_queries.get(session, member_id=member_id)
    await acting.work_on(session, member_id, Reason.TILL)
    level = await points_queries.level(session, member_id=member_id) if with_level else None
    return Bearer(member_id, member.occupation if member else None, level)


async def used_today(session: AsyncSession, *, listed: Collection[Discount], member_id: UUID, day: date) -> dict[UUID, int]:
    """How often each discount was given to a member on a day: one statement for all of them."""
    owners = {
        mark: discount.id
        for discount in listed
        for share in workflow.shares(discount, member_id=member_id, day=day)
        for mark in sealing.blind_indexes(session, share, purpose=SHARE)
    }
    found = await _marked(session, owners)
    used = {discount.id: 0 for discount in listed}
    for mark in found:
        used[owners[mark]] += 1
    return used


async def first_free(session: AsyncSession, values: Sequence[str], *, purpose: str) -> str | None:
    """The first of these that has no mark yet under any key; None when all have one."""
    owners = {mark: value for value in values for mark in sealing.blind_indexes(session, value, purpose=purpose)}
    taken = {owners[mark] for mark in await _marked(session, owners)}
    return next((value for value in values if value not in taken), None)


async def forged_wait(session: AsyncSession, store_id: UUID) -> int:
    """Seconds for which forged codes have stopped a store; 0: they have not."""
    ages = await throttles.ages(session, forged_key(store_id), most=workflow.FORGED.limit)
    return throttles.wait_in_windows(ages, (workflow.FORGED,))


def forged_key(store_id: UUID) -> str:
    return f"identity-code.forged:{store_id}"


async def totals(session: AsyncSession, *, store_id: UUID, first: date | None, last: date | None) -> Sequence[Any]:
    """(day, discount's id, its title, visits) in the order of days, newest first. Without bounds the last `LONGEST_DAYS` days."""
    first, last = workflow.span(first, last, today=clock.local_day(await now(session)))
    found = await session.exec(
        sa.select(col(StoreVisitDay.day), col(Discount.id), col(Discount.title), col(StoreVisitDay.visits))
        .join(Discount, col(Discount.id) == col(StoreVisitDay.discount_id))
        .where(col(StoreVisitDay.store_id) == store_id, col(StoreVisitDay.day).between(first, last))
        .order_by(col(StoreVisitDay.day).desc(), col(Discount.id).desc())
    )
    return found.all()


async def _marked(session: AsyncSession, marks: Collection[bytes]) -> Sequence[bytes]:
    if not marks:
        return []
    found = await session.exec(sa.select(col(StoreVisitMark.mark)).where(col(StoreVisitMark.mark).in_(marks)))
    return found.scalars().all()


def _running(day: date) -> sa.ColumnElement[bool]:
    """`workflow.runs` as a predicate."""
    return sa.and_(
        col(Discount.paused).is_(False), col(Discount.starts_on) <= day,
        sa.or_(col(Discount.ends_on).is_(None), col(Discount.ends_on) >= day),
    )
