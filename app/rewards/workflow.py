"""The pure rules of rewards: who administers one, when it is on offer and to whom, what is left, since when a member's orders count."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.auth.roles import Role
from app.rewards.models import LimitPeriod, Reward

MOST_SLOTS = 50_000  # pieces of a flash reward that one change makes or takes away


@dataclass(frozen=True, slots=True)
class Stock:
    """What is left in all, and of today's; None without such a limit."""

    left: int | None
    left_today: int | None

    def lacks(self, quantity: int) -> dict[str, Any] | None:
        """The facts of the refusal when it does not suffice."""
        if self.left is not None and self.left < quantity:
            return {"stock_left": self.left}
        if self.left_today is not None and self.left_today < quantity:
            return {"stock_left": self.left_today, "period": LimitPeriod.DAY.value}
        return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a reward an order asks about; its columns, by their names."""

    id: UUID
    name: str
    points: int
    valid_days: int
    settlement_cents: int
    per_member_count: int | None
    per_member_period: LimitPeriod | None
    stock_per_day: int | None
    levels: list[int] | None
    flash: bool
    opens_at: datetime | None
    closes_at: datetime | None
    paused: bool


def administers(principal: Principal, store_paths: Collection[str]) -> bool:
    """Every store that hands the reward out lies in the caller's areas."""
    return bool(store_paths) and all(principal.covers(path, Role.AREA_ADMIN) for path in store_paths)


def on_offer(reward: Terms, now: datetime) -> bool:
    begun = reward.opens_at is None or reward.opens_at <= now
    over = reward.closes_at is not None and reward.closes_at <= now
    return begun and not over and not reward.paused


def may_order(reward: Reward | Terms, level: int) -> bool:
    """Does the reward suit a member of this level?"""
    return reward.levels is None or level in reward.levels


def counted_since(period: LimitPeriod, now: datetime) -> datetime | None:
    """The beginning of the local day, month or year; None when every order counts."""
    today = clock.local_day(now)
    first = {
        LimitPeriod.DAY: today, LimitPeriod.MONTH: clock.month_start(today), LimitPeriod.YEAR: today.replace(month=1, day=1),
    }.get(period)
    return None if first is None else clock.day_start(first)
