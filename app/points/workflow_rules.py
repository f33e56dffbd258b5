"""Pure rules about rules: which version holds where and when, what a rule pays for once only, what an official may give."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Protocol, TypeVar
from uuid import UUID

NO_RULE, ONCE = "no_rule", "once_per_"
STOP = frozenset({"stop_days", "after", "within_days"})
CAP_REASONS = frozenset({
    "day_cap", "week_cap", "month_cap", "year_cap", "global_day_cap", "global_month_cap", "global_year_cap",
})
REPLAYED = CAP_REASONS | {NO_RULE}  # what a change of figures may undo


class Dated(Protocol):
    """A version: where it holds (None: everywhere) and on which days (None: without a bound)."""

    version: Any
    area_path: Any
    valid_from: Any
    valid_until: Any


Version = TypeVar("Version", bound=Dated)


def lineage(area_path: str) -> list[str]:
    """The paths of an area and of those above it."""
    codes = area_path.split("/")[:-1]
    return ["/".join(codes[: depth + 1]) + "/" for depth in range(len(codes))]


def holds(version: Dated, area_path: str, on: date) -> bool:
    return (
        (version.area_path is None or area_path.startswith(version.area_path))
        and (version.valid_from is None or version.valid_from <= on)
        and (version.valid_until is None or version.valid_until >= on)
    )


def in_force(versions: Iterable[Version], area_path: str, on: date) -> Version | None:
    """The newest version of the nearest area that has one on that day; what `queries_rules.rule_in_force` asks the database."""
    found = [version for version in versions if holds(version, area_path, on)]
    return max(found, key=lambda version: (len(version.area_path or ""), version.version), default=None)


def once_key(once_per: str | None, subject: UUID | None, filed_on: date) -> str | None:
    """What may be credited once only, as the award keeps it; None where the rule pays for every source.

    `once_per` names a thing, and with `_year` the period of filing in which it is paid once; without, it is paid once for good.
    """
    if once_per is None or subject is None:
        return None
    thing, _, period = once_per.partition("_")
    return f"{thing}:{subject}:{filed_on.year}" if period else f"{thing}:{subject}"


def merged(known: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Conditions after a change: None takes a key away, and what the change does not name stays."""
    return {key: value for key, value in {**known, **changed}.items() if value is not None}


def whole_stop(conditions: Mapping[str, Any]) -> bool:
    """A stop of earning says how long, after how many, within which time; or there is none."""
    return len(STOP & conditions.keys()) in (0, len(STOP))
