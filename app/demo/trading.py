"""On what terms the demo's stores trade: their contracts, a discount of one of them, two rewards of the rarer kinds."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.demo import plan
from app.discounts import service as discounts_service
from app.discounts.schemas import DiscountIn
from app.rewards import service as rewards_service
from app.rewards import views as rewards_views
from app.rewards.schemas import RewardIn
from app.stores.schemas_contracts import ContractIn
from app.stores.service import contracting

YEARS = 3
DISCOUNT = {"title": "骑手套餐", "terms": "出示身份码，午市套餐九折，每日一次"}
# The first is what a campaign begins with: it waits for an administrator.
REWARDS: tuple[dict[str, Any], ...] = (
    {"name": "限时抢：冲锋衣一件", "kind": "goods", "points": 120, "stock": 50, "flash": True, "settlement_cents": 5_000},
    {"name": "每日特供：爱心早餐一份", "kind": "goods", "points": 15, "stock_per_day": 20, "settlement_cents": 500},
)


def holidays(today: date) -> list[dict[str, Any]]:
    """The shorter hours that every store keeps at the turn of the year."""
    new_year = date(today.year + 1, 1, 1)
    last = new_year + timedelta(days=2)
    return [{"from": f"{new_year}", "to": f"{last}", "opens": "09:00", "closes": "18:00", "note": "元旦"}]


async def contracts(session: AsyncSession, *, principal: Principal, stores: Sequence[UUID]) -> None:
    """One for each store, since the beginning of the year before: a year of generated orders lies within it."""
    starts = date(clock.today().year - 1, 1, 1)
    for shop, store_id in zip(plan.stores(), stores, strict=True):
        body = ContractIn.model_validate({
            "number": f"演示-{shop.number:03d}", "signed_on": f"{starts}", "starts_on": f"{starts}",
            "ends_on": f"{starts.year + YEARS}-12-31", "payee_name": shop.name, "bank_name": "示范农村商业银行",
            "bank_account": f"62284804025648{shop.number:05d}",
        })
        await contracting.sign(
            session, principal=principal, store_id=store_id, bank_account=body.bank_account, note=body.note,
            fields=body.model_dump(exclude={"bank_account", "note"}),
        )


async def offers(session: AsyncSession, *, principal: Principal, stores: Sequence[UUID]) -> None:
    """What there is beside the rewards of the plan, at the first store that sells water."""
    store_id = stores[plan.water().stores[0]]
    discount = DiscountIn.model_validate(DISCOUNT | {"starts_on": f"{clock.today()}"})
    await discounts_service.add(session, principal=principal, store_id=store_id, fields=discount.model_dump())
    for reward in REWARDS:
        body = RewardIn.model_validate(reward | {"store_ids": [store_id], "valid_days": 30})
        fields = rewards_views.columns(body.model_dump(exclude={"store_ids", "stock", "upload_ids"})) | {"paused": body.flash}
        await rewards_service.create(session, principal=principal, store_ids=body.store_ids, stock=body.stock, fields=fields)
