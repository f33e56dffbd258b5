"""What comes first, how long a failed job rests, and when it is given up. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from sqlalchemy.exc import SQLAlchemyError

from app.db import failures
from app.errors import AppError


class Priority(IntEnum):
    """What waits is taken in this order, and within one priority by age."""

    URGENT = 30
    CLOCK = 20
    NORMAL = 0
    BULK = -10


TRIES, LASTING_TRIES = 8, 24  # with the pauses below: four minutes for a defect, twelve hours for what is away and comes back
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(hours=1)
JITTER = 0.25
TOLD = timedelta(minutes=1)  # who asks for so long a rest knows when the hindrance ends: waiting for it is no try
LONGEST_TOLD = timedelta(days=1)
MOST_CRASHES = 20  # workers that ended, or stood still, over one job


@dataclass(frozen=True, slots=True)
class Rest:
    """How long a failed job waits, and whether that was one of its tries. None in its place: it is given up."""

    pause: timedelta
    counted: bool


def rest(error: Exception, *, tries: int, draw: float) -> Rest | None:
    """After the failure number `tries` + 1. `draw` from 0 to 1 spreads what failed together."""
    told = timedelta(seconds=getattr(error, "retry_after", None) or 0)
    if told >= TOLD:
        return Rest(min(told, LONGEST_TOLD) * (1 + draw * JITTER / 2), counted=False)
    if tries + 1 >= (LASTING_TRIES if passing(error) else TRIES):
        return None
    return Rest(pause(tries, draw), counted=True)


def pause(tries: int, draw: float) -> timedelta:
    """One second, doubled with every try up to an hour, a quarter more or less by lot."""
    plain: timedelta = min(FIRST_PAUSE * 2 ** min(tries, 30), LONGEST_PAUSE)
    drawn: timedelta = plain * (1 - JITTER + 2 * JITTER * draw)
    return min(max(drawn, FIRST_PAUSE), LONGEST_PAUSE)


def passing(error: Exception) -> bool:
    """Whether it goes by itself: WeChat, the object store or the database are away. Everything else is a defect or a bad payload."""
    if isinstance(error, SQLAlchemyError):
        refusal = failures.refusal_of(error)
        return refusal is not None and refusal.status > 500
    if isinstance(error, AppError):
        return error.status > 500
    return isinstance(error, OSError)
