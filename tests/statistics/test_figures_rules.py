"""The pure rules of figures: spans, buckets, percentiles, cells."""

import math
import statistics
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.statistics import workflow
from app.statistics.workflow import MICRO

DAYS = st.dates(date(2024, 1, 1), date(2027, 12, 31))
SECONDS = st.integers(0, 200 * 86_400)


def bucket(seconds: int) -> int:
    if seconds < workflow.FIRST_SECONDS:
        return seconds * workflow.FINE // workflow.FIRST_SECONDS
    width = math.log(seconds / workflow.FIRST_SECONDS) / math.log(workflow.STEP)
    return min(workflow.BUCKETS - 1, workflow.FINE + math.floor(width * workflow.FINE))


def days_in(span: workflow.Span) -> list[date]:
    found = list(span.days)
    for month in span.months:
        found += [month + timedelta(days=day) for day in range(31) if (month + timedelta(days=day)).month == month.month]
    return sorted(found)


@given(first=DAYS, length=st.integers(0, 366))
def test_months_and_days_make_up_the_span_once(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    span = workflow.span(first, last, today=date(2029, 6, 1))
    assert days_in(span) == [first + timedelta(days=number) for number in range(length + 1)]
    assert len(span.days) <= 60


def test_a_span_that_reaches_today_takes_the_whole_month() -> None:
    today = date(2026, 11, 29)
    assert workflow.span(date(2026, 11, 1), today, today=today).months == (date(2026, 11, 1),)
    assert len(workflow.span(date(2026, 11, 1), today - timedelta(days=1), today=today).days) == 28
    assert workflow.span(date(2026, 11, 28), date(2026, 12, 2), today=today).last == date(2026, 12, 31)


@given(SECONDS)
def test_the_middle_of_a_bucket_is_within_a_hundredth(seconds: int) -> None:
    middle = workflow.seconds_of(bucket(seconds))
    assert abs(middle - seconds) <= max(0.01 * seconds, workflow.FIRST_SECONDS / workflow.FINE / 2)


@given(st.lists(SECONDS, min_size=2, max_size=200), st.sampled_from(workflow.SHARES))
def test_percentiles_from_buckets_are_within_a_hundredth(cases: list[int], share: float) -> None:
    coarse, fine = [0] * workflow.BINS, dict[int, int]()
    for one in cases:
        coarse[bucket(one) // workflow.FINE] += 1
        fine[bucket(one)] = fine.get(bucket(one), 0) + 1
    needed = {number: count for number, count in fine.items() if number // workflow.FINE in workflow.bins_of(coarse)}
    tenths = statistics.quantiles(cases, n=10, method="inclusive")
    exact = tenths[4] if share == 0.5 else tenths[8]
    found = workflow.percentile(coarse, needed, share)
    # Each of the two cases it lies between is off by a hundredth of itself, or in the first bin by half a bucket: so is what lies between.
    assert found is not None and abs(found - exact) <= 0.01 * exact + workflow.FIRST_SECONDS / workflow.FINE / 2


def test_no_case_has_no_percentile() -> None:
    assert workflow.percentile([0] * workflow.BINS, {}, 0.5) is None and workflow.bins_of([0] * workflow.BINS) == set()


@pytest.mark.parametrize(
    ("side", "width"), [(360, 16), (16, 1), (4, 1 / 4), (1, 1 / 16), (0.3, 1 / 64), (0.05, 1 / 512), (0.0001, 1 / 4096)]
)
def test_a_box_is_sixteen_to_thirty_two_cells_long(side: float, width: float) -> None:
    cells = workflow.cells((0.0, 0.0, side, side / 2))
    assert 2**cells.level / workflow.FINEST == width
    assert cells.east - cells.west <= 2 * workflow.ACROSS


@given(st.integers(-179 * MICRO, 178 * MICRO), st.integers(-89 * MICRO, 88 * MICRO), st.integers(1_000, MICRO))
def test_the_cells_cover_the_box_and_no_more_than_a_cell_around(west: int, south: int, side: int) -> None:
    edges = (west, south, west + side, south + side)
    cells = workflow.cells(tuple(edge / MICRO for edge in edges))  # type: ignore[arg-type]
    width = Fraction(2**cells.level, workflow.FINEST) * MICRO
    assert 0 <= edges[0] - cells.west * width < width and 0 < (cells.east + 1) * width - edges[2] <= width
    assert 0 <= edges[1] - cells.south * width < width and 0 < (cells.north + 1) * width - edges[3] <= width


def test_clusters_grow_with_every_zoom_out() -> None:
    cells = workflow.cells((116.5, 35.4, 116.8, 35.7))
    levels = [workflow.grouping(cells, zoom) for zoom in range(23)]
    assert levels == sorted(levels, reverse=True) and levels[-1] == 0
