"""How long a failed job rests, and when it is given up."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Busy, NotFound, WeChatUnavailable
from app.jobs.workflow import LASTING_TRIES, TRIES, pause, rest

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_pauses_grow_from_a_second_to_an_hour(tries: int, draw: float) -> None:
    assert SECOND <= pause(tries, draw) <= HOUR
    assert pause(tries + 3, draw) >= pause(tries, draw)


def test_pauses_differ_by_lot() -> None:
    assert pause(5, 0) == 24 * SECOND and pause(5, 1) == 40 * SECOND and pause(40, 0) == 45 * timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (WeChatUnavailable(), LASTING_TRIES), (Busy(), LASTING_TRIES), (PoolTimeout(), LASTING_TRIES), (ConnectionError(), LASTING_TRIES),
        (TimeoutError(), LASTING_TRIES), (KeyError("a"), TRIES), (NotFound(), TRIES),
    ],
)
def test_what_passes_by_itself_is_waited_for(error: Exception, tries: int) -> None:
    assert rest(error, tries=tries - 2, draw=0.5) is not None and rest(error, tries=tries - 1, draw=0.5) is None


def test_patience_lasts_over_half_an_hour_without_wechat_and_not_for_days() -> None:
    waited = sum((pause(tries, 0) for tries in range(LASTING_TRIES - 1)), timedelta())
    assert timedelta(hours=6) < waited < timedelta(days=1)
    assert timedelta(minutes=1) < sum((pause(tries, 0) for tries in range(TRIES - 1)), timedelta()) < timedelta(minutes=5)


def test_who_says_when_is_believed_and_it_is_no_try() -> None:
    error = WeChatUnavailable()
    error.retry_after = 7_200
    given_rest = rest(error, tries=LASTING_TRIES, draw=1)
    assert given_rest is not None and not given_rest.counted and 2 * HOUR <= given_rest.pause <= 2.3 * HOUR
    error.retry_after = 10**9
    capped = rest(error, tries=0, draw=0)
    assert capped is not None and capped.pause == timedelta(days=1)
