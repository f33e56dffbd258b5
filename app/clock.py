"""The one source of time: aware UTC instants, and Asia/Shanghai days, months and years (the contract's local calendar).

Instants are the database's where a process follows it (`app/db/pulse.py`), whatever the clock of its machine says.
"""

import time as machine
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass
class _Followed:
    """Seconds since 1970 by the database's clock, less this process's monotonic clock."""

    ahead: float | None = None


_followed = _Followed()


def now() -> datetime:
    """The present instant, aware, UTC."""
    ahead = _followed.ahead
    return datetime.now(UTC) if ahead is None else datetime.fromtimestamp(machine.monotonic() + ahead, UTC)


def follow(epoch: float, asked: float, heard: float) -> None:
    """The database said `epoch`, in seconds since 1970, between these two of the monotonic clock.

    Where in between is not known: what agrees with what was heard before changes nothing, so that time does not jitter or step back.
    """
    least, most, ahead = epoch - heard, epoch - asked, _followed.ahead
    _followed.ahead = (least + most) / 2 if ahead is None else min(max(ahead, least), most)


def follow_machine() -> None:
    """As a process does that has no database to follow."""
    _followed.ahead = None


def follows() -> bool:
    return _followed.ahead is not None


def skew() -> float:
    """The seconds by which the machine's clock is before the one that is followed; 0 when it is the one."""
    return 0.0 if _followed.ahead is None else machine.time() - machine.monotonic() - _followed.ahead


def local(instant: datetime) -> datetime:
    return instant.astimezone(SHANGHAI)


def today() -> date:
    return local(now()).date()


def local_day(instant: datetime) -> date:
    return local(instant).date()


def day_start(day: date) -> datetime:
    """The instant at which a Shanghai day begins."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC)


def days(first: date, last: date) -> tuple[datetime, datetime]:
    """The half-open span of instants that covers the local days from `first` to `last`, both included."""
    return day_start(first), day_start(last + timedelta(days=1))


def month_start(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def month(text: str) -> tuple[datetime, datetime]:
    """The half-open span of a local month written `2026-11`.

    Raises:
        ValueError: the text is not a month.
    """
    first = datetime.strptime(text, "%Y-%m").date()
    return day_start(first), day_start(next_month(first))
