"""Who sees what of a report's person and place (reliability.md 4.3), as a table: part → what its duty needs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache, reduce

from app.auth.principal import Principal
from app.auth.roles import Role

ROUND_DIGITS = 3  # three digits of a degree are about 100 m


class Name(IntEnum):
    NONE = 0
    FAMILY = 1
    FULL = 2


class When(IntEnum):
    NEVER = 0
    OPEN = 1
    ALWAYS = 2

    def at(self, *, is_open: bool) -> bool:
        """Does it hold for a report that is open, or has ended?"""
        return self >= (When.OPEN if is_open else When.ALWAYS)


@dataclass(frozen=True, slots=True)
class Eyes:
    """What one part shows: the name, the masked phone, the exact place with its address, and whether a full value may be asked for.

    Everybody who may read a report at all sees an alias and a rounded place.
    """

    name: Name = Name.NONE
    phone: bool = False
    place: When = When.NEVER
    reveal: When = When.NEVER

    def __or__(self, other: "Eyes") -> "Eyes":
        return Eyes(
            max(self.name, other.name), self.phone or other.phone, max(self.place, other.place), max(self.reveal, other.reveal)
        )


# What is in no row is seen by nobody: ID numbers, Party membership, and all of it by auditors, stores, enterprises, organisations.
TABLE: Mapping[Role, Eyes] = {
    Role.REVIEWER: Eyes(place=When.ALWAYS),
    Role.GRID_WORKER: Eyes(name=Name.FAMILY, phone=True, place=When.OPEN),
    Role.AREA_ADMIN: Eyes(name=Name.FULL, phone=True, place=When.ALWAYS, reveal=When.ALWAYS),
}
ASSIGNEE = Eyes(reveal=When.OPEN)  # over a grid worker's
REPORTER = Eyes(place=When.ALWAYS)  # also whoever joined or passes by, where the category does not guard its places
BLIND = Eyes()


def point(lng: float, lat: float, *, exact: bool) -> tuple[float, float]:
    """A place as it is, or made coarse."""
    return (lng, lat) if exact else (round(lng, ROUND_DIGITS), round(lat, ROUND_DIGITS))


def official(principal: Principal, *, area_path: str, assigned: bool) -> Eyes:
    """The union of what a caller's grants on the place of a report show. Whoever reported or joined it must not be asked about here."""
    return _of(principal.held_over(area_path), assigned)


@lru_cache(maxsize=256)
def _of(held: frozenset[Role], assigned: bool) -> Eyes:
    duties = [TABLE[role] for role in held if role in TABLE] + ([ASSIGNEE] if assigned and Role.GRID_WORKER in held else [])
    return reduce(Eyes.__or__, duties) if duties else BLIND
