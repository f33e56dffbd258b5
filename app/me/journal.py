"""The journal of erasures as lines of JSON, for keeping it where no backup of the database brings an older one back."""

from collections.abc import Iterator
from datetime import date
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from app.me.models import Erasure


class BadJournal(ValueError):
    """A line is no certificate. Says which, never what stands in it."""


class Line(BaseModel):
    """One certificate: ids, times and numbers, nothing personal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_id: UUID
    asked_on: date | None
    erased_at: AwareDatetime | None
    counts: dict[str, int] = Field(max_length=100)


def written(certificate: Erasure) -> str:
    line = Line(
        subject_id=certificate.subject_id, asked_on=certificate.asked_on, erased_at=certificate.erased_at, counts=certificate.counts
    )
    return line.model_dump_json() + "\n"


def read(text: str) -> Iterator[Line]:
    """Raises BadJournal."""
    for number, row in enumerate(text.splitlines(), start=1):
        if row.strip():
            try:
                yield Line.model_validate_json(row)
            except ValidationError as error:
                raise BadJournal(f"line {number} is no certificate of an erasure") from error
