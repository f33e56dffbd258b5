"""The pure rules of rewards: who administers one, when it is on offer, from when on a member's orders count."""

from collections.abc import Collection
from datetime import datetime

from app import clock
from app.auth.principal import Principal
from app.auth.roles import Role
from app.rewards.models import LimitPeriod, Reward


def administers(principal: Principal, store_paths: Collection[str]) -> bool:
    """Every store that hands the reward out lies in the caller's areas."""
    return bool(store_paths) and all(principal.covers(path, Role.AREA_ADMIN) for path in store_paths)


def on_offer(reward: Reward, now: datetime) -> bool:
    begun = reward.opens_at is None or reward.opens_at <= now
    over = reward.closes_at is not None and reward.closes_at <= now
    return begun and not over and not reward.paused


def counted_since(period: LimitPeriod, now: datetime) -> datetime | None:
    """The beginning of the local day, month or year; None when every order counts."""
    today = clock.local_day(now)
    first = {
        LimitPeriod.DAY: today, LimitPeriod.MONTH: clock.month_start(today), LimitPeriod.YEAR: today.replace(month=1, day=1),
    }.get(period)
    return None if first is None else clock.day_start(first)
