"""What the generated members can order: the demo county's rewards, where somebody stands at the till."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.demo import people
from app.demo import plan as county_plan
from app.rewards import queries as rewards_queries
from app.rewards.models import Reward
from app.stores.models import Store

PAGE = 100


@dataclass(frozen=True, slots=True)
class Till:
    store_id: UUID
    name: str
    area_path: str
    clerk_id: UUID


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward; `area_path` is that of the first of its stores, which the trail of an order names."""

    reward: Reward
    area_path: str
    tills: Sequence[Till]


async def offers(session: AsyncSession, *, appid: str) -> list[Offer]:
    """In the order of their price. What is counted by the day or by slots, or is for some levels only, is left out: nobody counts here."""
    admin = await people.principal(session, appid=appid, person=people.ADMINS[0])
    county, *_ = await areas_queries.ancestors(session, path=f"{county_plan.COUNTY_CODE}/")
    rewards = await rewards_queries.rewards(
        session, principal=admin, area_path=county.path, store_id=None, kind=None, limit=PAGE, after=None
    )
    stores = await rewards_queries.stores_of(session, [reward.id for reward in rewards])
    clerks = await _clerks(session, {store.id: store for listed in stores.values() for store in listed})
    made = []
    for reward in sorted(rewards, key=lambda one: (one.points, one.name)):
        tills = [clerks[store.id] for store in stores[reward.id] if store.id in clerks]
        if tills and not (reward.per_store_per_day or reward.stock_per_day or reward.levels or reward.flash or reward.paused):
            made.append(Offer(reward, stores[reward.id][0].area_path, tills))
    return made


async def _clerks(session: AsyncSession, stores: dict[UUID, Store]) -> dict[UUID, Till]:
    """One clerk of each store that has any: the first that was appointed."""
    found = {}
    for store in stores.values():
        staff = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
        clerks = [grant.account_id for grant in staff if grant.role is Role.STORE_CLERK and grant.account_id is not None]
        if clerks:
            found[store.id] = Till(store.id, store.name, store.area_path, clerks[-1])
    return found
