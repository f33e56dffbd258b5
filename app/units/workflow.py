"""Pure rules of units: who reads and who changes them, and which routing rule is the most specific one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role
from app.units import errors
from app.units.models import Unit

READERS = (Role.AREA_ADMIN, Role.REVIEWER)
UPDATE, END, DELETE = "update", "end", "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a routing rule says, without the days on which it says so."""

    id: UUID
    category_code: str | None
    area_path: str
    unit_id: UUID
    priority: int


def sees(principal: Principal, area_path: str) -> bool:
    """Staff read what lies in their areas, and what answers for their areas from above."""
    return any(area_path.startswith(own) or own.startswith(area_path) for own in principal.area_paths(*READERS))


def administers(principal: Principal, area_path: str) -> bool:
    return principal.covers(area_path, Role.AREA_ADMIN)


def lineage(path: str) -> list[str]:
    """The paths of an area and of all above it: "a/b/" → ["a/", "a/b/"]."""
    codes = path.split("/")[:-1]
    return ["/".join(codes[: depth + 1]) + "/" for depth in range(len(codes))]


def on_one_line(one: str, other: str) -> bool:
    """Does one of the two areas hold the other?"""
    return one.startswith(other) or other.startswith(one)


def chain(parents: Mapping[str, str | None], code: str | None) -> tuple[str, ...]:
    """A category and its groups, from the inside out; empty for a report that has none yet."""
    found: list[str] = []
    while code is not None and code not in found:
        found.append(code)
        code = parents.get(code)
    return tuple(found)


def below(parents: Mapping[str, str | None], code: str) -> list[str]:
    """A category and everything below it."""
    return sorted({code} | {one for one in parents if code in chain(parents, one)})


def match(rules: Iterable[Rule], categories: Sequence[str], area_path: str) -> Rule | None:
    """The most specific of the rules that fit: the deeper area, then leaf over group over any, then the priority, then the older one."""
    fitting = [
        rule for rule in rules
        if area_path.startswith(rule.area_path) and (rule.category_code is None or rule.category_code in categories)
    ]
    return min(fitting, key=lambda rule: _rank(rule, categories), default=None)


def _rank(rule: Rule, categories: Sequence[str]) -> tuple[int, int, int, UUID]:
    breadth = len(categories) if rule.category_code is None else categories.index(rule.category_code)
    return -rule.area_path.count("/"), breadth, -rule.priority, rule.id


def why(*, area: str, category: str | None, unit: str) -> str:
    """A rule as a sentence."""
    return f"{area}的{f'“{category}”' if category else '各类问题'}由{unit}负责"


def require_unit(principal: Principal, unit: Unit | None, area_path: str) -> None:
    """Raises ValidationFailed for a unit that the caller does not see, that is out of service, or that lies elsewhere than the area."""
    if unit is None or not unit.active or not sees(principal, unit.area_path) or not on_one_line(unit.area_path, area_path):
        raise errors.no_such_unit()
