"""Do two things take the same time? Asked in turn, one pair after the other, so that what disturbs the one disturbs the other."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

Ask = Callable[[], Awaitable[Any]]
GOAL_SECONDS = 0.005


async def in_turn(asks: Mapping[str, Ask], rounds: int, *, before: Ask, seconds: float) -> dict[str, list[float]]:
    """How long each took in each round, at most so many seconds in all. `before` makes room for it, and is not measured."""
    spent: dict[str, list[float]] = {name: [] for name in asks}
    deadline, names = time.monotonic() + seconds, list(asks)
    for number in range(rounds):
        for turn in range(len(names)):
            name = names[(number + turn) % len(names)]  # nobody is always the first
            await before()
            began = time.perf_counter()
            await asks[name]()
            spent[name].append(time.perf_counter() - began)
        assert time.monotonic() < deadline, f"{number} rounds took more than {seconds:.0f} s"
    return spent


def apart(spent: Mapping[str, Sequence[float]]) -> float:
    """The greatest difference of two medians."""
    medians = [statistics.median(one) for one in spent.values()]
    return max(medians) - min(medians)


def alike(spent: Mapping[str, Sequence[float]], goal: float = GOAL_SECONDS) -> None:
    """Judge."""
    assert apart(spent) < goal, {name: statistics.median(one) for name, one in spent.items()}
