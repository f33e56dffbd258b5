"""Pure rules of an employer's month: which months have a statement, what its lines add up to, what its digest covers."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from app import clock

# After midnight of the first: a transaction that began in the month has long ended by then (`idle_in_transaction_session_timeout`).
SETTLED_HOURS = 3


@dataclass(frozen=True, slots=True)
class Figures:
    """`events` and `points`: what was earned in the month and still stood at its end. `corrections`, 0 or less: what was taken back in it
    of what earlier months had told, and what a rule took away.
    """

    events: int
    points: int
    corrections: int


NOTHING = Figures(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Line:
    member_id: UUID
    worked: bool
    listed: bool
    figures: Figures


@dataclass(frozen=True, slots=True)
class Month:
    """A month without a name of a person; `frozen_at` None: nobody has frozen it (yet). The lines stand by id."""

    enterprise_id: UUID
    enterprise: str
    first: date
    frozen_at: datetime | None
    lines: tuple[Line, ...]

    @property
    def members(self) -> int:
        return sum(line.worked for line in self.lines)

    @property
    def points(self) -> int:
        return sum(line.figures.points for line in self.lines)

    @property
    def corrections(self) -> int:
        return sum(line.figures.corrections for line in self.lines)


def lines(*, worked: Collection[UUID], listed: Collection[UUID], figures: Mapping[UUID, Figures]) -> tuple[Line, ...]:
    """One for each who worked there; and for who had left, where something that was told of them is taken back."""
    at_work, named = set(worked), set(listed) & set(worked)
    return tuple(Line(one, one in at_work, one in named, figures.get(one, NOTHING)) for one in sorted(at_work | set(figures)))


def digest(month: Month) -> str:
    """SHA-256 over everything that is kept of a frozen month for good, names left out: so that it holds when a name has gone."""
    assert month.frozen_at is not None
    content = {
        "enterprise_id": str(month.enterprise_id), "enterprise": month.enterprise, "month": f"{month.first:%Y-%m}",
        "frozen_at": month.frozen_at.astimezone(UTC).isoformat(), "members": month.members, "points": month.points,
        "corrections": month.corrections,
        "lines": [
            [str(line.member_id), line.worked, line.listed, line.figures.events, line.figures.points, line.figures.corrections]
            for line in month.lines
        ],
    }
    return hashlib.sha256(json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()).hexdigest()


def first_month(made_at: datetime) -> date:
    """The month in which an enterprise was made: before it we knew of nobody who works there."""
    return clock.month_start(clock.local_day(made_at))


def missing(*, made_at: datetime, latest: date | None, settled_on: date) -> list[date]:
    """The months that are over and not frozen, oldest first. `settled_on`: the local day that it was `SETTLED_HOURS` ago.

    Months are frozen in order, each knowing those before it, so there are no gaps before `latest`.
    """
    found, first = [], clock.next_month(latest) if latest else first_month(made_at)
    while clock.next_month(first) <= settled_on:
        found.append(first)
        first = clock.next_month(first)
    return found
