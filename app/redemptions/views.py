"""Rows of orders, verifications and settlements as answers."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from starlette.responses import Response

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.export import tables
from app.members import masking
from app.members import queries as members_queries
from app.redemptions import queries, service, settling, settling_queries, till, workflow
from app.redemptions.models import Redemption, Settlement, SettlementStatus
from app.redemptions.schemas import OrderOut, PreviewOut, SettlementOut, UndoneOut, VerificationOut, VerifiedOut
from app.rewards import queries as rewards_queries
from app.stores import queries as stores_queries
from app.stores import views as stores_views
from app.stores import workflow as stores_workflow
from app.stores.models import Store

COLUMNS = ("核销时间", "兑换单号", "商品", "数量", "金额（元）", "核销编号")


async def orders(session: AsyncSession, rows: Sequence[Redemption]) -> list[OrderOut]:
    stores = await rewards_queries.stores_of(session, {row.reward_id for row in rows})
    uses = await queries.uses(session, [row.verification_id for row in rows if row.verification_id])
    used_at = await stores_queries.by_ids(session, {use.store_id for use in uses.values()})
    shown = []
    for row in rows:
        use = uses.get(row.verification_id) if row.verification_id else None
        shown.append(_order(session, row, stores[row.reward_id], use, used_at.get(use.store_id) if use else None))
    return shown


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


def verified(principal: Principal, done: till.Verified) -> VerifiedOut:
    clerk = masking.alias(principal.account_id)
    slip = workflow.slip(
        store=done.store_name, reward=done.order.reward_name, quantity=done.order.quantity, number=done.order.number, clerk=clerk,
        verified_at=done.verified_at,
    )
    return VerifiedOut.model_validate(
        {
            "verification_id": done.verification_id, "redemption_id": done.order.id, "number": done.order.number,
            "reward": {"id": done.order.reward_id, "name": done.order.reward_name}, "quantity": done.order.quantity,
            "store": {"id": done.store_id, "name": done.store_name}, "clerk": {"id": principal.account_id, "name": clerk},
            "verified_at": done.verified_at, "slip": slip,
        }
    )


def undone(done: till.Undone) -> UndoneOut:
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
        may_undo = staff and workflow.undoable(use.verified_at, now=now, undone=undone_at is not None, settled=False)
        shown.append(VerificationOut.model_validate(
            {
                "verification_id": use.id, "redemption_id": row.id, "number": row.number,
                "reward": {"id": row.reward_id, "name": row.reward_name}, "quantity": row.quantity,
                "clerk": {"id": use.clerk_id, "name": aliases[use.clerk_id]}, "verified_at": use.verified_at, "undone_at": undone_at,
                "cents": row.settlement_cents if sees_cents else None, "allowed": ["undo"] if may_undo else [],
            }
        ))
    return shown


async def settlement(session: AsyncSession, principal: Principal, store: Store, month: date) -> SettlementOut:
    row = await settling_queries.settlement(session, store_id=store.id, month=month)
    lines = await settling_queries.lines(session, store_id=store.id, month=month, settlement=row)
    disputes = await settling_queries.disputes(session, settlement_id=row.id) if row else []
    status = row.status if row else SettlementStatus.OPEN
    ended = month < (await settling_queries.today(session)).replace(day=1)
    return SettlementOut.model_validate(
        _life(row)
        | {
            "store": {"id": store.id, "name": store.name}, "month": f"{month:%Y-%m}", "status": status, "count": len(lines),
            "total_cents": sum(line.cents for line in lines),
            "lines": [
                {
                    "verification_id": line.verification_id, "redemption_id": line.redemption_id, "number": line.number,
                    "reward": {"id": line.reward_id, "name": line.reward_name}, "quantity": line.quantity, "cents": line.cents,
                    "verified_at": line.verified_at,
                }
                for line in lines
            ],
            "disputes": [
                {
                    "lines": raised.verification_ids, "reason": reason, "at": raised.created_at, "answer": reply,
                    "answered_at": raised.answered_at,
                }
                for raised, reason, reply in disputes
            ],
            "allowed": workflow.settlement_allowed(status, standing=settling.standing(principal, store), ended=ended),
        }
    )


def settlement_file(shown: SettlementOut, format: str) -> Response:
    """The lines and their sum as a download."""
    rows: list[tuple[tables.Cell, ...]] = [
        (line.verified_at, line.number, line.reward.name, line.quantity, tables.yuan(line.cents), str(line.verification_id))
        for line in shown.lines
    ]
    rows.append(("合计", None, None, sum(line.quantity for line in shown.lines), tables.yuan(shown.total_cents), None))
    return tables.render(
        format, title=f"{shown.store.name} {shown.month} 结算单", columns=COLUMNS, rows=rows, name=f"settlement-{shown.month}"
    )


def _order(session: AsyncSession, row: Redemption, stores: list[Store], use: Any, used_at: Store | None) -> OrderOut:
    return OrderOut.model_validate(
        {
            "id": row.id, "number": row.number, "status": row.status, "code": service.code_of(session, row), "points": row.points,
            "quantity": row.quantity, "reward": {"id": row.reward_id, "name": row.reward_name},
            "stores": [stores_views.brief(store) for store in stores], "created_at": row.created_at, "expires_at": row.expires_at,
            "confirmed_at": row.confirmed_at, "verified_at": use.verified_at if use else None,
            "verified_store": {"id": used_at.id, "name": used_at.name} if used_at else None, "ended_at": row.ended_at,
            "version": row.version, "allowed": workflow.allowed(row.status, confirmed=row.confirmed_at is not None),
        }
    )


def _life(row: Settlement | None) -> dict[str, Any]:
    names = ("closed_at", "confirm_by", "confirmed_at", "confirmed_by_silence", "paid_at", "payment_reference", "version")
    return {name: getattr(row, name, None) for name in names} | {"confirmed_by_silence": row is not None and row.confirmed_by_silence}
