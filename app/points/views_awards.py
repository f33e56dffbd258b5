"""What was judged, what waits and what keeps back, as answers."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from app.areas.models import Level
from app.auth.principal import Principal
from app.points import views, workflow_conditions
from app.points.models import PointsProposal, ProposalStatus
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation, PointsEarningStop
from app.points.workflow_conditions import (
    EARNING_STOP,
    SECOND_REVIEWER,
    SECOND_REVIEWER_REFUSED,
    ByPeople,
    StopState,
)

STATES = {EARNING_STOP: "stopped", SECOND_REVIEWER: "pending", SECOND_REVIEWER_REFUSED: "refused"}


def judgement(row: Any, titles: Mapping[str, str]) -> dict[str, Any]:
    """A row of `queries_judgements`. The second reviewer's own words stand behind the sentence, until an erasure empties them."""
    sentence = None if row.reason is None else views.withheld_sentence(row.reason, row.cap, row.rule_code)
    if row.words and sentence:
        sentence = f"{sentence}：{row.words}"
    return {
        "id": row.id, "rule_code": row.rule_code, "title": titles.get(row.rule_code, row.rule_code),
        "source": {"type": row.source_type, "id": row.source_id, "number": row.source_number}, "filed_on": row.filed_on,
        "credited": row.credited, "withheld": row.withheld, "reason_code": row.reason, "reason": sentence,
        "status": STATES.get(row.reason or "", "capped" if row.reason else "credited"), "at": row.created_at,
    }


def confirmation(row: PointsConfirmation, reason: str | None, titles: Mapping[str, str], principal: Principal) -> dict[str, Any]:
    """For reviewers: the report is told, the member is not."""
    mine = principal.account_id in (row.first_actor_id, row.member_id)
    return {
        "id": row.id, "status": row.status.value, "rule_code": row.rule_code, "title": titles.get(row.rule_code, row.rule_code),
        "points": row.points, "source": {"type": row.source_type, "id": row.source_id, "number": row.source_number},
        "filed_on": row.filed_on, "reason": reason, "at": row.created_at, "decided_at": row.decided_at,
        "allowed": ["confirm", "refuse"] if row.status is ConfirmationStatus.PENDING and not mine else [],
    }


def award(row: Any, principal: Principal, title: str, terms: ByPeople, levels: Mapping[UUID, Level]) -> dict[str, Any]:
    """A row of `queries_merits`. One that is about a report is for its reporter, who is told to nobody here."""
    asked = row[0]
    hidden = asked.report_id is not None
    return {
        "id": asked.id, "status": asked.status.value, "rule_code": asked.rule_code, "title": title, "points": asked.amount,
        "member_id": None if hidden else asked.member_id,
        "report": {"id": asked.report_id, "number": asked.report_number} if hidden else None,
        "organisation_id": asked.organisation_id, "occurred_on": asked.occurred_on, "reason": row.words, "upload_id": asked.upload_id,
        "maker_id": asked.maker_id, "checker_id": asked.checker_id, "at": asked.created_at, "decided_at": asked.decided_at,
        "outcome": None if row.credited is None else views.outcome([row], own=False),
        "allowed": ["approve", "reject"] if _decidable(asked, principal, terms, levels) else [],
    }


def _decidable(asked: PointsProposal, principal: Principal, terms: ByPeople, levels: Mapping[UUID, Level]) -> bool:
    if asked.status is not ProposalStatus.PENDING or principal.account_id in (asked.maker_id, asked.member_id):
        return False
    return workflow_conditions.holds(
        principal, terms.decided_by, area_path=asked.area_path, organisation_id=asked.organisation_id, level=terms.level, levels=levels
    )


def stop(
    row: PointsEarningStop, report_id: UUID | None, number: str | None, reason: str | None, *, today: date, principal: Principal
) -> dict[str, Any]:
    """By the report that set it: whose it is, is told where that report is read."""
    state = workflow_conditions.stop_state(lifted=row.lifted_at is not None, until=row.until, today=today)
    liftable = state is StopState.RUNNING and row.member_id != principal.account_id
    return {
        "id": row.id, "status": state.value, "from": row.starts_on, "until": row.until, "report": {"id": report_id, "number": number},
        "lifted_at": row.lifted_at, "lift_reason": reason, "at": row.created_at, "allowed": ["lift"] if liftable else [],
    }
