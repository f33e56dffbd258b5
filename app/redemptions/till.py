"""What happens at a store's till: preview and verify. An undo is `undoing.py`.

A verification is ONE conditional update, issued → verified; the order that it does not find is read again to say why.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import Conflict, LimitReached
from app.points import service as points_service
from app.redemptions import codes, notices, queries, tickets, workflow
from app.redemptions.errors import AlreadyVerified, CodeNotFound, TicketExpired
from app.redemptions.models import RewardStoreUsage, VerificationGuess
from app.redemptions.service import code_indexes
from app.redemptions.tickets import Confirmation, Ticket
from app.redemptions.workflow import AtStore, Order
from app.security import sealing, throttles

VERIFY = Prepared(sa.text(f"""
with used as (
  update redemption r set status = 'verified', verification_id = :verification_id, uses = r.uses + 1, version = r.version + 1
   where r.id = :id and r.status = 'issued' and r.expires_at > clock_timestamp() and (r.confirmed_at is not null or not :confirmed)
     and (:use is null or r.uses % {tickets.USES} = :use)
     and exists (select 1 from reward_store p where p.reward_id = r.reward_id and p.store_id = :store_id)
  returning r.id, r.reward_id)
insert into verification (id, redemption_id, store_id, reward_id, clerk_id, verified_at, typed, idempotency_key, request_id)
select :verification_id, used.id, :store_id, used.reward_id, :clerk_id, clock_timestamp(), :typed, :idempotency_key, :request_id from used
returning verified_at
""").bindparams(
    *(sa.bindparam(name, type_=sa.Uuid) for name in ("verification_id", "id", "store_id", "clerk_id")),
    *(sa.bindparam(name, type_=sa.Boolean) for name in ("confirmed", "typed")),
    *(sa.bindparam(name, type_=sa.Text) for name in ("idempotency_key", "request_id")), sa.bindparam("use", type_=sa.Integer),
))


@dataclass(frozen=True, slots=True)
class Presented:
    """What the clerk typed or scanned. `token` None with no code: it was forged, or given to another clerk."""

    typed: bool
    code_indexes: list[bytes] | None
    token: Ticket | Confirmation | None


@dataclass(frozen=True, slots=True)
class Previewed:
    order: Order
    confirm_token: str
    needs_confirmation: bool


@dataclass(frozen=True, slots=True)
class Verified:
    verification_id: UUID
    order: Order
    store_id: UUID
    store_name: str
    verified_at: datetime


async def preview(session: AsyncSession, *, principal: Principal, store_id: UUID, code: str | None, token: str | None) -> Previewed:
    """Shows what a code stands for and uses nothing up. Raises what `verify` raises, but for limits and the rider's own yes."""
    presented = _presented(session, principal, store_id, code, token)
    queries.access_till(principal, store_id)
    found = await _find(session, principal, store_id, presented)
    order = _require_order(principal, found, presented)
    token = tickets.confirmation(
        sealing.ring(session), redemption_id=order.id, store_id=store_id, clerk_id=principal.account_id, typed=presented.typed,
        uses=order.uses, now=found.now,
    )
    missing = workflow.needs_confirmation(order, ceiling=found.ceiling, typed=presented.typed) and not order.confirmed
    return Previewed(order, token, missing)


async def verify(session: AsyncSession, *, principal: Principal, store_id: UUID, code: str | None, token: str | None) -> Verified:
    """Uses a code up at a store and spends the points that were held for it.

    Raises CodeMalformed, NotFound for who does not work there, TooManyAttempts, CodeNotFound (counted), TicketExpired, Forbidden,
    AlreadyVerified, RedemptionCancelled, RedemptionExpired, RedemptionFrozen, ConfirmationRequired, LimitReached.
    """
    presented = _presented(session, principal, store_id, code, token)
    queries.access_till(principal, store_id)
    found = await _find(session, principal, store_id, presented)
    order = _require_order(principal, found, presented)
    workflow.require_confirmed(order, ceiling=found.ceiling, typed=presented.typed)
    await _take_store_limit(session, found, order)
    verification_id = new_id()
    verified_at = await _use(session, principal, found, order, presented, verification_id)
    if verified_at is None:
        verified_at = await _use_after_all(session, principal, found, order, presented, verification_id)
    await points_service.capture(
        session, member_id=order.member_id, amount=order.points, redemption_id=order.id, number=order.number,
        actor_id=principal.account_id, store_id=store_id, month=workflow.month_of(verified_at), held=order.held,
    )
    await audit_service.write(
        session, "redemption.verify", object_kind="redemption", object_id=order.id, area_path=found.area_path, store_id=str(store_id),
        verification_id=str(verification_id), points=order.points, typed=presented.typed,
    )
    body = f"您在{found.store_name}兑换了“{order.reward_name}”×{order.quantity}。"
    await notices.tell(session, order.member_id, order.id, order.number, "兑换成功", body)
    return Verified(verification_id, order, store_id, found.store_name, verified_at)


def _presented(session: AsyncSession, principal: Principal, store_id: UUID, code: str | None, token: str | None) -> Presented:
    """Raises CodeMalformed before anything is looked up."""
    if code is not None:
        return Presented(True, code_indexes(session, codes.normalised(code)), None)
    read = tickets.read(sealing.ring(session), token or "")
    if isinstance(read, Confirmation) and (read.store_id, read.clerk_id) != (store_id, principal.account_id):
        read = None
    return Presented(isinstance(read, Confirmation) and read.typed, None, read)


async def _find(session: AsyncSession, principal: Principal, store_id: UUID, presented: Presented) -> AtStore:
    redemption_id = presented.token.redemption_id if presented.token else None
    return await queries.at_store(
        session, store_id=store_id, clerk_id=principal.account_id, code_indexes=presented.code_indexes, redemption_id=redemption_id
    )


def _require_order(principal: Principal, found: AtStore, presented: Presented) -> Order:
    """Raises TooManyAttempts, TicketExpired, CodeNotFound, and what `workflow.require_usable` raises."""
    workflow.require_not_stopped(found.tenth_guess_age, found.thirtieth_guess_age)
    token = presented.token
    if token is not None and token.too_old(found.now):
        raise _stale(found, token, "ticket_old")
    order = workflow.order_of(found)
    if order is None:
        forged = presented.code_indexes is None and presented.token is None
        raise _wrong(found.store_id, principal, "ticket_forged" if forged else "code_not_found")
    try:
        workflow.require_usable(found, order, clerk_id=principal.account_id)
    except AlreadyVerified as used:
        if isinstance(token, Ticket):
            used.then(_note(found, token, "ticket_replayed"))
        raise
    if token is not None and token.use != order.uses % tickets.USES:
        raise _stale(found, token, "ticket_used")
    return order


def _stale(found: AtStore, token: Ticket | Confirmation, reason: str) -> TicketExpired:
    """The refusal of a token that was ours, of another time or for another use: no guess, but it is written down."""
    refusal = TicketExpired()
    refusal.then(_note(found, token, reason))
    return refusal


def _note(found: AtStore, token: Ticket | Confirmation, reason: str) -> Callable[[AsyncSession], Awaitable[None]]:
    """Outlives the refusal: whoever looks for collusion counts such scans."""

    async def note(session: AsyncSession) -> None:
        audit_service.record(
            session, "redemption.ticket", object_kind="redemption", object_id=token.redemption_id, area_path=found.area_path,
            outcome="denied", reason=reason, store_id=str(found.store_id),
        )

    return note


def _wrong(store_id: UUID, principal: Principal, reason: str) -> CodeNotFound:
    """The refusal of a wrong code; it outlives the refusal as a guess at this store, whoever typed it, and by this clerk, wherever.

    Guesses are judged and counted one after the other, so that of many at once only ten hear that a code is wrong.
    """

    async def count(session: AsyncSession) -> None:
        await throttles.hold(session, f"redemption.guess:{store_id}", f"redemption.guesser:{principal.account_id}")
        ages = await queries.guess_ages(session, store_id=store_id, clerk_id=principal.account_id)
        workflow.require_not_stopped(*ages)
        session.add(VerificationGuess(store_id=store_id, actor_id=principal.account_id))
        audit_service.record(
            session, "redemption.guess", object_kind="store", object_id=store_id, outcome="denied", reason=reason
        )
        await session.flush()

    refusal = CodeNotFound()
    refusal.then(count)
    return refusal


async def _take_store_limit(session: AsyncSession, found: AtStore, order: Order) -> None:
    """Two verifications of a limited reward at one store meet at the usage row. Raises LimitReached."""
    if found.per_store_per_day is None:
        return
    await session.exec(
        insert(RewardStoreUsage)
        .values(reward_id=order.reward_id, store_id=found.store_id)
        .on_conflict_do_update(index_elements=["reward_id", "store_id"], set_={"store_id": found.store_id})
    )
    since = clock.day_start(clock.local_day(found.now))
    verified = await queries.verifications_counted(session, store_id=found.store_id, reward_id=order.reward_id, since=since)
    if verified >= found.per_store_per_day:
        raise LimitReached("该商品在本店今日核销已达上限", limit=found.per_store_per_day, period="day")


async def _use(
    session: AsyncSession, principal: Principal, found: AtStore, order: Order, presented: Presented, verification_id: UUID
) -> datetime | None:
    """The conditional update with its verification, in one statement; None when the order was not live any more."""
    done = await VERIFY.first(
        session, verification_id=verification_id, id=order.id, store_id=found.store_id, clerk_id=principal.account_id,
        confirmed=workflow.needs_confirmation(order, ceiling=found.ceiling, typed=presented.typed), typed=presented.typed,
        idempotency_key=_fingerprint(session, "idempotency_key"), request_id=_fingerprint(session, "request_id"),
        use=presented.token.use if presented.token else None,
    )
    return done["verified_at"] if done else None


async def _use_after_all(
    session: AsyncSession, principal: Principal, found: AtStore, order: Order, presented: Presented, verification_id: UUID
) -> datetime:
    """Says why the order was not live. One that was verified when the statement met it and has been undone since is locked and used."""
    for lock in (False, True):
        if lock:
            await queries.lock(session, order.id)
        now = await _find(session, principal, found.store_id, presented)
        workflow.require_confirmed(_require_order(principal, now, presented), ceiling=now.ceiling, typed=presented.typed)
    verified_at = await _use(session, principal, now, order, presented, verification_id)
    if verified_at is None:
        raise Conflict
    return verified_at


def _fingerprint(session: AsyncSession, name: str) -> str | None:
    given = session.info.get(name)
    return queries.kept_forms(session, given)[0] if given else None
