"""Stops of earning: set by false reports that people have decided, ended by their last day or lifted by an administrator."""

from datetime import date
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition
from app.messages import service as messages_service
from app.points import queries_conditions, workflow_conditions
from app.points.models import PointsProposal, PointsRule
from app.points.models_conditions import PointsEarningStop
from app.points.service import noting

OWN_PAGE = "pages/points/index"


async def stop_when_due(session: AsyncSession, *, proposal: PointsProposal, rule: PointsRule) -> date | None:
    """Stops the member's earning when this false report, decided just now, makes as many as the rule names; returns the last day.

    The balance row is locked, so that of two false reports decided at once the later counts the other.
    """
    terms = workflow_conditions.stop_terms(rule.conditions)
    if terms is None:
        return None
    count = await queries_conditions.false_reports(
        session, member_id=proposal.member_id, rule=rule.code, within_days=terms.within_days
    )
    if count < terms.after:
        return None
    _, today = await queries_conditions.now(session)
    until = workflow_conditions.stop_until(today, terms)
    stop = PointsEarningStop(
        member_id=proposal.member_id, area_path=proposal.area_path, starts_on=today, until=until, cause_id=proposal.id
    )
    session.add(stop)
    audit_service.record(
        session, "points.stop_earning", object_kind="points_earning_stop", object_id=stop.id, area_path=stop.area_path, until=str(until),
        count=count,
    )
    await session.flush()
    return until


async def lift(session: AsyncSession, *, principal: Principal, stop_id: UUID, reason: str) -> PointsEarningStop:
    """Ends a stop before its day; what was withheld meanwhile stays withheld.

    Raises NotFound, Forbidden for one's own, InvalidTransition for one that is lifted or over.
    """
    stop = await queries_conditions.access_stop(session, principal=principal, stop_id=stop_id)
    if stop.member_id == principal.account_id:
        raise Forbidden("不能为自己解除")
    now, today = await queries_conditions.now(session)
    state = workflow_conditions.stop_state(lifted=stop.lifted_at is not None, until=stop.until, today=today)
    if state is not workflow_conditions.StopState.RUNNING:
        raise InvalidTransition(state=state, allowed=[])
    stop.lift_reason_id = await noting.note(session, member_id=stop.member_id, text=reason)
    stop.lifted_by, stop.lifted_at = principal.account_id, now
    session.add(stop)
    audit_service.record(
        session, "points.lift_earning_stop", object_kind="points_earning_stop", object_id=stop.id, area_path=stop.area_path,
    )
    await session.flush()
    await messages_service.send(
        session, member_id=stop.member_id, category="points", title="积分获取已恢复",
        body="管理员已提前解除积分暂停，今后的上报照常计分；暂停期间的不补记。", path=OWN_PAGE,
        reference=("points_earning_stop", stop.id, None),
    )
    return stop
