"""The one source of time: aware UTC instants, and Asia/Shanghai days, months and years (the contract's local calendar)."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


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
