"""The pure rules of discounts: when one runs, whom it is for, who may change it, until when a mark is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.discounts.models import Discount
from app.errors import ValidationFailed
from app.schemas import Occupation
from app.security.throttles import Window
from app.stores import workflow as stores_workflow
from app.stores.models import Store

FORGED = Window(limit=10, period_s=600)  # so many forged codes in so many seconds stop a store
MOST_LIVE = 30  # of one store: a clerk reads them at the till
LONGEST_DAYS = 92
KEPT_INTO_THE_DAY = timedelta(hours=3)  # a mark outlives its day by so much


@dataclass(frozen=True, slots=True)
class Bearer:
    """The member who shows a code. `level` None: none of the store's discounts asks for one."""

    id: UUID
    occupation: Occupation | None
    level: int | None


def runs(discount: Discount, day: date) -> bool:
    return not discount.paused and discount.starts_on <= day and (discount.ends_on is None or day <= discount.ends_on)


def is_for(discount: Discount, bearer: Bearer) -> bool:
    """An occupation that the member did not tell fits no list of occupations."""
    return (discount.occupations is None or bearer.occupation in discount.occupations) and (
        discount.min_level is None or (bearer.level or 0) >= discount.min_level
    )


def may_be_given(discount: Discount, bearer: Bearer, *, used_today: int) -> bool:
    return is_for(discount, bearer) and used_today < discount.per_member_per_day


def asks_level(discounts: Collection[Discount]) -> bool:
    return any(discount.min_level is not None for discount in discounts)


def manages(principal: Principal, store: Store) -> bool:
    """Owners and administrators of the area make and change a store's discounts."""
    return stores_workflow.owns(principal, store) or stores_workflow.administers(principal, store)


def shares(discount: Discount, *, member_id: UUID, day: date) -> list[str]:
    """What a day's marks are made of: one for each time that a member may be given the discount on it."""
    whole = f"{member_id}|{discount.store_id}|{discount.id}|{day}"
    return [f"{whole}|{number}" for number in range(1, discount.per_member_per_day + 1)]


def expiry(day: date) -> date:
    return day + timedelta(days=1)


def over(now: datetime) -> date:
    """Marks that expire on this day or before have served."""
    return clock.local_day(now - KEPT_INTO_THE_DAY)


def span(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The days whose totals are asked for; what is left out ends today, or is as long as it may be. Raises ValidationFailed."""
    last = last or (today if first is None else min(today, first + timedelta(days=LONGEST_DAYS - 1)))
    first = first or last - timedelta(days=LONGEST_DAYS - 1)
    if first > last or (last - first).days >= LONGEST_DAYS:
        raise ValidationFailed.of("query", "to", msg=f"截止日应不早于起始日，且跨度不超过{LONGEST_DAYS}天", kind="to")
    return first, last
