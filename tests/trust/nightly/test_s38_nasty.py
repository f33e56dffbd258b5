"""S38 in full: the whole dictionary to every body, field and parameter of every operation."""

from collections.abc import Awaitable, Callable

import pytest

from tests.robustness.conftest import lab
from tests.robustness.lab import Lab
from tests.robustness.test_nasty_input import in_turn, send_bodies, send_fields, send_parameters

__all__ = ["lab"]
pytestmark = pytest.mark.check("S38")


@pytest.mark.parametrize("send", [send_bodies, send_fields, send_parameters])
async def test_all_of_it(lab: Lab, send: Callable[..., Awaitable[None]]) -> None:
    await send(lab, shares=1)


def test_the_turns_have_them_all() -> None:
    words = list("abcdefgh")
    assert sorted(word for turn in range(5, 8) for word in in_turn(words, turn, 3)) == words
