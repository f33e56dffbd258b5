"""Pure rules of the ledger: which lots pay, what a debt takes, when points lapse, what caps leave."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

REMINDER_DAYS = (60, 30, 7)  # before points lapse
GRACE_DAYS = 7  # a lot that lapsed while its points were held comes back with this much time (published rule)
LEVELS = (0, 200, 600, 1_500, 3_000)  # points earned in the last 12 months that each level takes (domain.md)


@dataclass(frozen=True, slots=True)
class Lot:
    """`lapsed`: its last day was over when it was read."""

    id: UUID
    remaining: int
    expires_on: date
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """So many points of one lot."""

    lot_id: UUID
    points: int


@dataclass(frozen=True, slots=True)
class Caps:
    """Units of a rule (awards, or hours) allowed per period, None without limit."""

    per_day: int | None
    per_week: int | None
    per_month: int | None
    per_year: int | None


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Points allowed per period over all rules, None without limit."""

    per_day: int | None
    per_month: int | None
    per_year: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a member already has: units under the rule, and points under all rules, in the periods of the filing day."""

    rule_day: int
    rule_week: int
    rule_month: int
    rule_year: int
    points_day: int
    points_month: int
    points_year: int


@dataclass(frozen=True, slots=True)
class Credit:
    """What caps leave of an award: points, units that count as used; the cap that withholds the rest, by its code and its figure."""

    credited: int
    units: int
    reason: str | None
    cap: int | None


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


def creditable(each: int, units: int, caps: Caps, ceiling: Ceiling, usage: Usage) -> Credit:
    """How much of an award of `units` at `each` points may be credited. Each cap takes what fits into it; the narrowest is named.

    A rule's caps count whole units, the ceiling counts points. A unit of which something is credited counts as used.
    """
    fit, reason, cap = units, None, None
    for code, most, used in (
        ("day_cap", caps.per_day, usage.rule_day), ("week_cap", caps.per_week, usage.rule_week),
        ("month_cap", caps.per_month, usage.rule_month), ("year_cap", caps.per_year, usage.rule_year),
    ):
        if most is not None and max(0, most - used) < fit:
            fit, reason, cap = max(0, most - used), code, most
    points = each * fit
    for code, most, used in (
        ("global_day_cap", ceiling.per_day, usage.points_day), ("global_month_cap", ceiling.per_month, usage.points_month),
        ("global_year_cap", ceiling.per_year, usage.points_year),
    ):
        if most is not None and max(0, most - used) < points:
            points, reason, cap = max(0, most - used), code, most
    return Credit(points, -(-points // each) if points else 0, reason, cap)


def level(earned_12_months: int) -> int:
    """1 to 5."""
    return bisect_right(LEVELS, earned_12_months)


def level_of_month(earned: int, reached: int) -> int:
    """The level with which a month begins: what the twelve months before it `earned`, and one step below what was `reached` at least."""
    return max(level(earned), reached - 1)


def level_left(stored: int, months: int) -> int:
    """What is left of a month's level so many months later: one step falls in a month, no more."""
    return max(1, stored - months)


def months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def reminder_stage(days_left: int) -> int:
    """The nearest reminder that is due so many days before points lapse: whoever missed the earlier ones hears only this one."""
    return min(stage for stage in REMINDER_DAYS if days_left <= stage)
