"""Pure rules of the conditions that a points rule carries as data: a second reviewer, awards that people decide, stops of earning."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.areas.models import Level
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType

EARNING_STOP = "earning_stop"
SECOND_REVIEWER = "second_reviewer"
SECOND_REVIEWER_REFUSED = "second_reviewer_refused"
ABOVE_PER_WEEK = "second_reviewer_above_per_week"
MOST_DAYS_BACK = 365  # an award by people for a day before that is too late


class About(StrEnum):
    """What an award by people is about: a report (for whoever made it), a person, or what a person did in an organisation."""

    REPORT = "report"
    MEMBER = "member"
    ORGANISATION = "organisation"


class ReportWas(StrEnum):
    """What a report must have been before an award is about it: taken up, or judged at all."""

    ACCEPTED = "accepted"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True)
class ByPeople:
    """Who asks for an award of a rule, and who grants it: always two persons. `level`: an area office grants from there up."""

    about: About
    made_by: tuple[Role, ...]
    decided_by: tuple[Role, ...]
    level: Level | None
    report_was: ReportWas | None


@dataclass(frozen=True, slots=True)
class StopTerms:
    """So many in so many days stop the earning for so many."""

    after: int
    within_days: int
    stop_days: int


def holds(
    principal: Principal, roles: Collection[Role], *, area_path: str, organisation_id: UUID | None, level: Level | None = None,
    levels: Mapping[UUID, Level],
) -> bool:
    """Has the caller one of the offices where it counts: in the organisation, else in the area or above, from `level` up?"""
    if organisation_id is not None:
        return principal.holds(ScopeType.ORGANISATION, organisation_id, *roles)
    return any(
        grant.role in roles and grant.scope_type is ScopeType.AREA and grant.area_path is not None
        and area_path.startswith(grant.area_path)
        and (level is None or (grant.scope_id is not None and grant.scope_id in levels and levels[grant.scope_id].depth <= level.depth))
        for grant in principal.grants
    )


def by_people(conditions: Mapping[str, Any]) -> ByPeople | None:
    """None for a rule that no person awards."""
    if "made_by" not in conditions:
        return None
    made, decided = (tuple(Role(role) for role in conditions[key]) for key in ("made_by", "decided_by"))
    level, was = conditions.get("decided_at_level"), conditions.get("report_was")
    return ByPeople(About(conditions["about"]), made, decided, Level(level) if level else None, ReportWas(was) if was else None)


def needs_second_reviewer(conditions: Mapping[str, Any], in_week: int) -> bool:
    """`in_week`: how many awards of the rule the member has, or waits for, in the week of filing."""
    above = conditions.get(ABOVE_PER_WEEK)
    return above is not None and in_week >= int(above)


def stop_terms(conditions: Mapping[str, Any]) -> StopTerms | None:
    if "stop_days" not in conditions:
        return None
    return StopTerms(*(int(conditions[key]) for key in ("after", "within_days", "stop_days")))


class StopState(StrEnum):
    RUNNING = "running"
    OVER = "over"
    LIFTED = "lifted"


def stop_state(*, lifted: bool, until: date, today: date) -> StopState:
    if lifted:
        return StopState.LIFTED
    return StopState.RUNNING if today <= until else StopState.OVER


def stop_until(decided_on: date, terms: StopTerms) -> date:
    """The last day of a stop. The day of the decision is not counted, as the Civil Code counts days (art. 201)."""
    return decided_on + timedelta(days=terms.stop_days)



def trail_area(about: About | None, area_path: str) -> str | None:
    """Where an audit event of an award lies. What was done in an organisation lies nowhere: no area's auditor is to read who took part."""
    return None if about is About.ORGANISATION else area_path
