"""Rows of rewards as answers: what the caller sees of them."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.rewards import queries, workflow
from app.rewards.models import Reward
from app.rewards.schemas import RewardOut
from app.stores import views as stores_views
from app.stores.models import Store


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Reward]) -> list[RewardOut]:
    ids = {row.id for row in rows}
    stores = await queries.stores_of(session, ids)
    left = await queries.stock_left(session, ids)
    return [_out(principal, row, stores[row.id], left.get(row.id)) for row in rows]


async def one(session: AsyncSession, principal: Principal, reward: Reward) -> RewardOut:
    return (await shown(session, principal, [reward]))[0]


def columns(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body as columns of the table."""
    fields = {name: value for name, value in body.items() if name != "per_member"}
    if "per_member" in body:
        limit = body["per_member"] or {"count": None, "period": None}
        fields |= {"per_member_count": limit["count"], "per_member_period": limit["period"]}
    return fields


def _out(principal: Principal, reward: Reward, stores: list[Store], stock_left: int | None) -> RewardOut:
    mine = workflow.administers(principal, [store.area_path for store in stores])
    limit = {"count": reward.per_member_count, "period": reward.per_member_period} if reward.per_member_count else None
    return RewardOut.model_validate(
        {
            "id": reward.id, "name": reward.name, "kind": reward.kind, "points": reward.points, "stock_left": stock_left,
            "per_member": limit, "per_store_per_day": reward.per_store_per_day, "valid_days": reward.valid_days,
            "stores": [stores_views.brief(store) for store in stores], "opens_at": reward.opens_at, "closes_at": reward.closes_at,
            "settlement_cents": reward.settlement_cents if mine else None, "paused": reward.paused, "version": reward.version,
            "allowed": ["update"] if mine else [],
        }
    )
