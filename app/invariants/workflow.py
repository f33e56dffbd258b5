"""Where redemption stands still for what a check has found. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

SAMPLE = 5  # ids that are shown of what is broken
MOST_AREAS = 8  # of one tenant, for one check: beyond it the whole tenant stands still, and its administrators read one message


@dataclass(frozen=True, slots=True)
class Place:
    """Offending rows of one area: how many, and some of them."""

    area_path: str
    count: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Offending rows as the database groups them: `area_path` None where the subject lies nowhere, `lost` where there is no subject."""

    area_path: str | None
    lost: bool
    count: int
    sample: tuple[str, ...]


def places(found: Iterable[Found], tenants: Sequence[str]) -> list[Place]:
    """The areas that stand still, by path. A member without a work area belongs to the oldest tenant; what concerns nobody, to all."""
    whole: list[Place] = []
    for one in found:
        paths = [one.area_path] if one.area_path is not None else tenants if one.lost else tenants[:1]
        whole += [Place(path, one.count, one.sample) for path in paths]
    for tenant in tenants:
        within = {place.area_path for place in whole if place.area_path.startswith(tenant)}
        if len(within) > MOST_AREAS:
            whole = [Place(tenant if place.area_path in within else place.area_path, place.count, place.sample) for place in whole]
    return [_together(path, [place for place in whole if place.area_path == path]) for path in sorted({one.area_path for one in whole})]


def overlap(area_path: str, broken: Collection[str]) -> bool:
    """Does what is broken lie in this area, or around it?"""
    return any(path.startswith(area_path) or area_path.startswith(path) for path in broken)


def _together(path: str, parts: Sequence[Place]) -> Place:
    return Place(path, sum(part.count for part in parts), tuple(sorted(one for part in parts for one in part.sample)[:SAMPLE]))
