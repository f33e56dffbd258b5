"""Pure rules of the ledger: which lots pay, what a debt takes, when points lapse, what caps leave."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

GRACE_DAYS = 7  # a lot that lapsed while its points were held comes back with this much time (published rule)
LEVELS = (0, 200, 600, 1_500, 3_000)  # points earned in the last 12 months that each level takes (domain.md)
GLOBAL_PER_DAY, GLOBAL_PER_MONTH, GLOBAL_PER_YEAR = 200, 2_000, 12_000  # points, over all rules (domain.md)


@dataclass(frozen=True, slots=True)
class Lot:
    id: UUID
    remaining: int
    expires_on: date


@dataclass(frozen=True, slots=True)
class Part:
    """So many points of one lot."""

    lot_id: UUID
    points: int


@dataclass(frozen=True, slots=True)
class Caps:
    """Awards allowed per period, None without limit."""

    per_day: int | None
    per_week: int | None
    per_month: int | None
    per_year: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a member already has: awards under the rule, and points under all rules, in the periods of the filing day."""

    rule_day: int
    rule_week: int
    rule_month: int
    rule_year: int
    points_day: int
    points_month: int
    points_year: int


def lapse_day(earned_on: date) -> date:
    """Points earned in year Y can be spent up to and including 31 March of Y+1."""
    return date(earned_on.year + 1, 3, 31)


def take(lots: Iterable[Lot], points: int, *, first: UUID | None = None) -> tuple[list[Part], int]:
    """Splits `points` over lots, soonest to expire first (`first` before all others); returns the parts and what no lot could pay."""
    parts: list[Part] = []
    for lot in sorted(lots, key=lambda lot: (lot.id != first, lot.expires_on, lot.id)):
        part = min(lot.remaining, points)
        if part > 0:
            parts.append(Part(lot.id, part))
            points -= part
    return parts, points


def give_back(parts: Sequence[Part], debt: int) -> tuple[list[Part], int]:
    """What returns to each lot after the debt has taken its share from the front; returns the rest and what was settled."""
    settled, rest = 0, []
    for part in parts:
        share = min(part.points, debt - settled)
        settled += share
        if part.points > share:
            rest.append(Part(part.lot_id, part.points - share))
    return rest, settled


def returned_lot_expiry(expires_on: date, today: date) -> date:
    return expires_on if expires_on >= today else today + timedelta(days=GRACE_DAYS)


def creditable(points: int, caps: Caps, usage: Usage) -> tuple[int, str | None]:
    """How much of an award may be credited, and the code of the cap that withholds the rest.

    A rule's caps count awards and take all or nothing; the global caps count points and take a part.
    """
    counted = (
        ("day_cap", caps.per_day, usage.rule_day), ("week_cap", caps.per_week, usage.rule_week),
        ("month_cap", caps.per_month, usage.rule_month), ("year_cap", caps.per_year, usage.rule_year),
    )
    for reason, cap, used in counted:
        if cap is not None and used >= cap:
            return 0, reason
    room = {
        "global_day_cap": GLOBAL_PER_DAY - usage.points_day, "global_month_cap": GLOBAL_PER_MONTH - usage.points_month,
        "global_year_cap": GLOBAL_PER_YEAR - usage.points_year,
    }
    reason, least = min(room.items(), key=lambda item: item[1])
    credited = max(0, min(points, least))
    return credited, None if credited == points else reason


def level(earned_12_months: int) -> int:
    """1 to 5."""
    return sum(earned_12_months >= threshold for threshold in LEVELS)
