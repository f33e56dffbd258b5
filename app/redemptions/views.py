"""Rows of orders and verifications as answers."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.members import masking
from app.members import queries as members_queries
from app.redemptions import queries, service, slips, till, undoing, workflow
from app.redemptions.models import Redemption
from app.redemptions.queries_days import DayHead
from app.redemptions.schemas import OrderOut, PreviewOut, UndoneOut, VerificationOut, VerifiedOut
from app.redemptions.schemas_slips import DayOut, DaysOut, SlipOut
from app.rewards import queries as rewards_queries
from app.security import sealing
from app.stores import queries as stores_queries
from app.stores import views as stores_views
from app.stores import workflow as stores_workflow
from app.stores.models import Store
from app.stores.queries import Head

LONGEST_NAME = 150  # bytes of JSON


async def orders(session: AsyncSession, rows: Sequence[Redemption]) -> list[OrderOut]:
    stores = await rewards_queries.stores_of(session, {row.reward_id for row in rows})
    uses = await queries.uses(session, [row.verification_id for row in rows if row.verification_id])
    used_at = await stores_queries.by_ids(session, {use.store_id for use in uses.values()})
    shown = []
    for row in rows:
        use = uses.get(row.verification_id) if row.verification_id else None
        shown.append(_order(row, service.code_of(session, row), stores[row.reward_id], use, used_at.get(use.store_id) if use else None))
    return shown


def placed(made: service.Placed) -> OrderOut:
    return _order(made, made.code, made.stores, None, None)


async def order(session: AsyncSession, row: Redemption) -> OrderOut:
    return (await orders(session, [row]))[0]


async def previewed(session: AsyncSession, seen: till.Previewed) -> PreviewOut:
    found = seen.order
    return PreviewOut.model_validate(
        {
            "reward": {"id": found.reward_id, "name": found.reward_name}, "quantity": found.quantity, "points": found.points,
            "member": await members_queries.alias_for_clerk(session, member_id=found.member_id), "expires_at": found.expires_at,
            "confirm_token": seen.confirm_token, "confirmation_required": seen.needs_confirmation,
        }
    )


def verified(session: AsyncSession, principal: Principal, done: till.Verified) -> VerifiedOut:
    """At most 1 KB, for a till on a bad network: names that would not fit are cut, and stand whole in the lists."""
    clerk = masking.alias(principal.account_id)
    signed = slips.Signed(done.verification_id, done.store_id, done.order.number, done.order.quantity, done.verified_at)
    store, reward = (slips.shortened(name, LONGEST_NAME) for name in (done.store_name, done.order.reward_name))
    slip = slips.text(sealing.ring(session), signed, store=done.store_name, reward=done.order.reward_name, clerk=clerk)
    return VerifiedOut.model_validate(
        {
            "verification_id": done.verification_id, "redemption_id": done.order.id, "number": done.order.number,
            "reward": {"id": done.order.reward_id, "name": reward}, "quantity": done.order.quantity,
            "store": {"id": done.store_id, "name": store}, "clerk": {"id": principal.account_id, "name": clerk},
            "verified_at": done.verified_at, "slip": slip,
        }
    )


def undone(done: undoing.Undone) -> UndoneOut:
    return UndoneOut(
        verification_id=done.verification_id, redemption_id=done.redemption.id, number=done.redemption.number,
        status=done.redemption.status, undone_at=done.undone_at, version=done.redemption.version,
    )


async def verifications(session: AsyncSession, principal: Principal, store: Store, rows: Sequence[Any]) -> list[VerificationOut]:
    """`rows` as `queries.verifications` gives them. What the store is paid is shown to owners and administrators."""
    sees_cents = stores_workflow.owns(principal, store) or stores_workflow.administers(principal, store)
    staff = stores_workflow.works_at(principal, store)
    aliases = await members_queries.aliases(session, {use.clerk_id for use, *_ in rows})
    shown = []
    for use, row, undone_at, now in rows:
        # A closed month is told by the undo itself: the half hour is over long before almost every closing.
        undoable = workflow.undoable(use.verified_at, now=now, undone=undone_at is not None, settled=False)
        may_undo = staff and undoable and row.member_id != principal.account_id  # nobody undoes the own order
        shown.append(VerificationOut.model_validate(
            {
                "verification_id": use.id, "redemption_id": row.id, "number": row.number,
                "reward": {"id": row.reward_id, "name": row.reward_name}, "quantity": row.quantity,
                "clerk": {"id": use.clerk_id, "name": aliases[use.clerk_id]}, "verified_at": use.verified_at, "undone_at": undone_at,
                "cents": row.settlement_cents if sees_cents else None, "allowed": ["undo"] if may_undo else [],
            }
        ))
    return shown


async def slip_checked(session: AsyncSession, principal: Principal, store: Store, row: Any | None) -> SlipOut:
    if row is None:
        return SlipOut(valid=False, verification=None, undone_at=None)
    [shown] = await verifications(session, principal, store, [row])
    return SlipOut(valid=True, verification=shown, undone_at=shown.undone_at)


def days(found: Sequence[DayHead]) -> DaysOut:
    items = [
        DayOut(day=one.day, count=one.count, undone=one.undone, cents=one.cents, head=one.head.hex(), final=one.final)
        for one in reversed(found)
    ]
    return DaysOut(items=items, next_cursor=None)


def _order(
    row: Redemption | service.Placed, code: str | None, stores: Sequence[Store | Head], use: Any, used_at: Store | None
) -> OrderOut:
    return OrderOut.model_validate(
        {
            "id": row.id, "number": row.number, "status": row.status, "code": code, "points": row.points,
            "quantity": row.quantity, "reward": {"id": row.reward_id, "name": row.reward_name},
            "stores": [stores_views.brief(store) for store in stores], "created_at": row.created_at, "expires_at": row.expires_at,
            "confirmed_at": row.confirmed_at, "verified_at": use.verified_at if use else None,
            "verified_store": {"id": used_at.id, "name": used_at.name} if used_at else None, "ended_at": row.ended_at,
            "version": row.version, "allowed": workflow.allowed(row.status, confirmed=row.confirmed_at is not None),
        }
    )
