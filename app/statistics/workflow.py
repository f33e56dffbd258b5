"""Pure rules of the figures: which periods make up a span of days, what the buckets of hours and the cells of the map are, percentiles."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app import clock

# Hours to closing, counted twice: in coarse bins, half as wide again each, and within each in fine buckets of two hundredths, so that the
# middle of a bucket is less than one hundredth away from anything in it. The first bin is even: it ends before five minutes are over.
BINS, FINE = 32, 21
FIRST_SECONDS, STEP = 300, 1.5
BUCKETS = BINS * FINE
EXACT = 2_000  # up to so many closed cases percentiles are worked out from the cases themselves
SHARES = (0.5, 0.9)


def seconds_of(bucket: int) -> float:
    """What a case in a bucket counts as: its middle."""
    if bucket < FINE:
        return (bucket + 0.5) * FIRST_SECONDS / FINE
    return FIRST_SECONDS * math.pow(STEP, ((bucket - FINE + 0.5) / FINE))


def ranks(cases: int, share: float) -> tuple[int, int, float]:
    """The two cases, counted from 0, that a percentile lies between, and how far it is on the way. As percentile_cont does."""
    position = share * (cases - 1)
    return math.floor(position), math.ceil(position), position - math.floor(position)


def bins_of(coarse: Sequence[int]) -> set[int]:
    """The bins in which the cases lie that the percentiles need."""
    cases = sum(coarse)
    return {_bin_of(coarse, rank)[0] for share in SHARES for rank in ranks(cases, share)[:2]} if cases else set()


def percentile(coarse: Sequence[int], fine: Mapping[int, int], share: float) -> float | None:
    """Seconds, off by one hundredth and half a bucket of the first bin at most. `fine` holds the buckets of `bins_of`."""
    cases = sum(coarse)
    if not cases:
        return None
    low, high, way = ranks(cases, share)
    below, above = (_value(coarse, fine, rank) for rank in (low, high))
    return below + (above - below) * way


def _bin_of(coarse: Sequence[int], rank: int) -> tuple[int, int]:
    """The bin of a case, and its rank in there."""
    for number, cases in enumerate(coarse):
        if rank < cases:
            return number, rank
        rank -= cases
    return len(coarse) - 1, rank


def _value(coarse: Sequence[int], fine: Mapping[int, int], rank: int) -> float:
    number, rank = _bin_of(coarse, rank)
    bucket = number * FINE
    for bucket in range(number * FINE, (number + 1) * FINE):
        rank -= fine.get(bucket, 0)
        if rank < 0:
            break
    return seconds_of(bucket)


@dataclass(frozen=True, slots=True)
class Span:
    """Filing days, both included, as whole months and the days around them."""

    first: date
    last: date
    months: tuple[date, ...]
    days: tuple[date, ...]


def span(first: date, last: date, *, today: date) -> Span:
    """Nothing is filed after today: a span that reaches it reaches the end of the month, and its last month is whole."""
    if last >= today:
        last = max(last, clock.next_month(last) - timedelta(days=1))
    months: list[date] = []
    days: list[date] = []
    day = first
    while day <= last:
        following = clock.next_month(day)
        if day.day == 1 and following <= last + timedelta(days=1):
            months.append(day)
            day = following
        else:
            days.append(day)
            day += timedelta(days=1)
    return Span(first, last, tuple(months), tuple(days))


Box = tuple[float, float, float, float]
MICRO = 1_000_000
FINEST = 4_096  # cells of level 0 in a degree: about 25 m
LEVELS = tuple(range(17))  # a cell of level n is 2ⁿ cells of level 0 wide, up to 16°
ACROSS = 16  # at least so many cells lie along the longer side of a box
EXACT_PLACES = 1_000  # a box with fewer reports than that is counted report by report
TILE = 8  # clusters along one side of a map tile


@dataclass(frozen=True, slots=True)
class Cells:
    """The whole cells of one level that a box touches, both ends included, in numbers of that level."""

    level: int
    west: int
    south: int
    east: int
    north: int


def cells(box: Box) -> Cells:
    """Depends on the box alone and never on the zoom, so that every zoom counts the same reports."""
    west, south, east, north = box
    width = max(east - west, north - south) / ACROSS * FINEST
    level = max((one for one in LEVELS if 2**one <= width), default=0)
    edges = [(round(edge * MICRO) * FINEST // MICRO) >> level for edge in box]
    return Cells(level, *edges)


def grouping(cells: Cells, zoom: int) -> int:
    """How many levels above the cells the clusters of a zoom are: cells are grouped whole, by powers of two."""
    shown = 360 / 2**zoom / TILE * FINEST / 2**cells.level
    return max(0, math.ceil(math.log2(shown)))
