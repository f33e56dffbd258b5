"""Pure rules of rosters: how long what is kept, when two names are the same, what is told of whom."""

import unicodedata
from datetime import timedelta
from enum import StrEnum

from app.errors import InvalidTransition
from app.rosters.models import Roster, RosterStatus

KEPT = timedelta(days=30)  # an organisation's lines and everybody's list of errors, after the upload
ROWS_KEPT = timedelta(days=1)  # people who wait for a job that does not come
STALLED = timedelta(minutes=10)  # a job that has not moved for so long is asked for again
UPLOADS_A_DAY = 20
MOST_TRIES = 8


class Progress(StrEnum):
    """What a roster is at: waiting for its job, in work, matched, given up."""

    QUEUED = "queued"
    RUNNING = "running"
    MATCHED = "matched"
    FAILED = "failed"


class LineState(StrEnum):
    """Where somebody of a Party roster stands with the organisation that sent it.

    `registered`: as a Party member with this organisation. `undeclared`: in the same tenant, but as somebody who is no Party member.
    `not_registered`: everything else; who is a Party member elsewhere is the other organisation's business.
    """

    REGISTERED = "registered"
    UNDECLARED = "undeclared"
    NOT_REGISTERED = "not_registered"


def progress(roster: Roster) -> Progress:
    if roster.failed_at is not None:
        return Progress.FAILED
    if roster.started_at is not None:
        return Progress.RUNNING
    return Progress.MATCHED if roster.status is RosterStatus.MATCHED else Progress.QUEUED


def require_rest(roster: Roster) -> None:
    """Raises InvalidTransition for a roster that is not (or never was) matched: there is nothing to match again."""
    state = progress(roster)
    if state is not Progress.MATCHED:
        raise InvalidTransition("名册正在比对或比对失败，不能重新比对", state=state, allowed=[])


def match_rate(registered: int, total: int) -> float | None:
    """The share of people who are registered, four digits; None of nobody."""
    return round(registered / total, 4) if total else None


def same_name(one: str, other: str) -> bool:
    return normal_name(one) == normal_name(other)


def normal_name(name: str) -> str:
    """The form in which names are compared: full-width letters as plain ones, without spaces, middle dots alike."""
    folded = unicodedata.normalize("NFKC", name).replace("•", "·").replace("・", "·").casefold()
    return "".join(char for char in folded if not char.isspace())
