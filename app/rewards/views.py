"""Rows of rewards as answers: what the caller sees of them."""

from collections.abc import Sequence
from typing import Any

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.points import queries as points_queries
from app.rewards import queries, workflow
from app.rewards.models import Reward
from app.rewards.schemas import RewardOut, StockEntryOut
from app.rewards.workflow import Stock
from app.stores import views as stores_views
from app.stores.models import Store
from app.uploads import links
from app.uploads import queries as uploads_queries
from app.uploads.schemas import PictureOut


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Reward]) -> list[RewardOut]:
    ids = {row.id for row in rows}
    stores = await queries.stores_of(session, ids)
    stocks = await queries.stocks(session, ids)
    photos = await uploads_queries.photos(session, ids)
    choosy = any(row.levels is not None for row in rows)
    level = await points_queries.level(session, member_id=principal.account_id) if choosy else 1
    shown = []
    for row in rows:
        mine = workflow.administers(principal, [store.area_path for store in stores[row.id]])
        pictures = links.pictures(session, photos.get(row.id, ()), whole=mine)
        shown.append(_out(row, stores[row.id], stocks[row.id], pictures, mine=mine, eligible=workflow.may_order(row, level)))
    return shown


async def one(session: AsyncSession, principal: Principal, reward: Reward) -> RewardOut:
    return (await shown(session, principal, [reward]))[0]


def columns(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a body as columns of the table."""
    fields = {name: value for name, value in body.items() if name != "per_member"}
    if "per_member" in body:
        limit = body["per_member"] or {"count": None, "period": None}
        fields |= {"per_member_count": limit["count"], "per_member_period": limit["period"]}
    return fields


async def stock_entries(session: AsyncSession, rows: Sequence[Any]) -> list[StockEntryOut]:
    """`rows` as `queries.stock_entries` gives them."""
    aliases = await members_queries.aliases(session, {by for _, _, by in rows if by})
    return [
        StockEntryOut.model_validate(
            {
                "id": row.id, "change": row.change, "reason": text, "by": {"id": by, "name": aliases[by]} if by else None,
                "at": row.created_at,
            }
        )
        for row, text, by in rows
    ]


def _out(
    reward: Reward, stores: list[Store], stock: Stock, photos: list[PictureOut], *, mine: bool, eligible: bool
) -> RewardOut:
    """`mine`: the caller administers it."""
    limit = {"count": reward.per_member_count, "period": reward.per_member_period} if reward.per_member_count else None
    return RewardOut.model_validate(
        {
            "id": reward.id, "name": reward.name, "kind": reward.kind, "points": reward.points, "stock_left": stock.left,
            "stock_left_today": stock.left_today, "per_member": limit, "per_store_per_day": reward.per_store_per_day,
            "stock_per_day": reward.stock_per_day, "levels": reward.levels, "eligible": eligible, "flash": reward.flash, "photos": photos,
            "valid_days": reward.valid_days, "stores": [stores_views.brief(store) for store in stores], "opens_at": reward.opens_at,
            "closes_at": reward.closes_at, "settlement_cents": reward.settlement_cents if mine else None, "paused": reward.paused,
            "version": reward.version, "allowed": ["update"] if mine else [],
        }
    )
