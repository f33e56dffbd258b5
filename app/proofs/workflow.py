"""Pure rules of proofs: what is told, for how long it holds, what its signature covers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.reports.words import Status

DUTY = "参与社会治理随手拍上报"
VALID = timedelta(days=30)
STOPPED_WITHIN = timedelta(hours=2)
ROUND_DIGITS = 3  # three digits of a degree are about 100 m
NO_PROOF = frozenset({Status.REJECTED, Status.WITHDRAWN})
WINDOW_S, GUESSES, GUESSES_OF_ALL = 600, 60, 6_000


def stopped_at(*, occurred_at: datetime | None, filed_at: datetime) -> datetime:
    """To the minute: what the reporter says, as far as it lies within two hours before the filing; otherwise the filing."""
    told = occurred_at if occurred_at is not None and filed_at - STOPPED_WITHIN <= occurred_at <= filed_at else filed_at
    return told.replace(second=0, microsecond=0)


def valid_until(filed_at: datetime) -> datetime:
    return filed_at + VALID


@dataclass(frozen=True, slots=True)
class Told:
    """All that a proof says."""

    code: str
    stopped_at: datetime
    lng: float
    lat: float
    area_id: UUID
    area_name: str
    issued_at: datetime
    valid_until: datetime

    def signed(self) -> bytes:
        """What the signature covers. The area stands by its id: it may be given another name."""
        times: Iterable[datetime] = (self.stopped_at, self.issued_at, self.valid_until)
        facts = [self.code, *(time.astimezone(UTC).isoformat() for time in times), self.lng, self.lat, str(self.area_id), DUTY]
        return json.dumps(facts, ensure_ascii=False).encode()
