"""The pure rules of coverage: who may do what, on which days."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.coverage.models import Duty
from app.errors import InvalidTransition, ValidationFailed

TERM = timedelta(days=365)  # a grant lasts a year at most
QUIET = timedelta(days=90)  # an enterprise without a visit for so long is listed
END = "end"


@dataclass(frozen=True, slots=True)
class Place:
    """The organisation or the enterprise that somebody looks after."""

    scope_type: ScopeType
    id: UUID
    area_path: str
    name: str

    @property
    def columns(self) -> dict[str, Any]:
        """Which it is, as the tables write it down."""
        organisation = self.scope_type is ScopeType.ORGANISATION
        return {"organisation_id": self.id if organisation else None, "enterprise_id": None if organisation else self.id}


def administers(principal: Principal, place: Place) -> bool:
    return principal.covers(place.area_path, Role.AREA_ADMIN)


def leads(principal: Principal, place: Place) -> bool:
    """Its administrator, its secretary, or somebody with the grant of its instructor."""
    return administers(principal, place) or principal.holds(place.scope_type, place.id, Role.ORG_SECRETARY, Role.INSTRUCTOR)


def speaks_for(principal: Principal, place: Place) -> bool:
    """Is the caller the contact of this enterprise?"""
    return principal.holds(place.scope_type, place.id, Role.ENTERPRISE_CONTACT)


def lasts(until: date | None, today: date) -> bool:
    return until is None or until >= today


def goes_on(until: date | None, ended_at: datetime | None, today: date) -> bool:
    return ended_at is None and lasts(until, today)


def require_begun(since: date, today: date) -> None:
    """Raises ValidationFailed for a day that is to come: rights and figures begin at once."""
    if since > today:
        raise ValidationFailed.of("body", "since", msg="开始日期不能晚于今天", kind="since")


def require_order(since: date, until: date | None) -> None:
    """Raises ValidationFailed for a last day before the first."""
    if until is not None and until < since:
        raise ValidationFailed.of("body", "until", msg="结束日期不能早于开始日期", kind="order")


def term(role: Duty, since: date, until: date | None, today: date) -> date | None:
    """The last day of an assignment. An instructor's is a year from today at most, and that when none is given.

    Raises ValidationFailed.
    """
    require_begun(since, today)
    require_order(since, until)
    if role is Duty.LIAISON:
        return until
    if until is not None and until > today + TERM:
        raise ValidationFailed.of("body", "until", msg="指导员的任期自今天起不超过一年", kind="until")
    return until or today + TERM - timedelta(days=1)


def require_running(ended_at: datetime | None) -> None:
    """Raises InvalidTransition for what was ended by command, though its last day may be today."""
    if ended_at is not None:
        raise InvalidTransition(state="ended", allowed=[])


def last_day(since: date, until: date | None, asked: date | None, today: date, *, latest: date | None) -> date:
    """The day on which something that goes on shall end: today unless another is asked for, at the latest `latest`.

    Raises InvalidTransition when it has ended before today, ValidationFailed for a day before it began or after `latest`.
    """
    if not lasts(until, today):
        raise InvalidTransition(state="ended", allowed=[])
    last = asked or today
    require_order(since, last)
    if latest is not None and last > latest:
        raise ValidationFailed.of("body", "until", msg="结束日期不能晚于今天", kind="until")
    return last


def rate(numerator: int, denominator: int) -> float | None:
    """A share with four digits; of nothing there is none."""
    return round(numerator / denominator, 4) if denominator else None
