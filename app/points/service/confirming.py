"""The second reviewer's word on an award that waits. Lock order: confirmation, then the member's balance."""

from typing import Any
from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition
from app.messages import service as messages_service
from app.points import ledger, queries_awarding, queries_conditions
from app.points.ledger import Reference
from app.points.models_conditions import ConfirmationStatus, PointsConfirmation
from app.points.queries_awarding import Rule
from app.points.service import awarding, noting
from app.points.service.awarding import Award, Case
from app.points.service.judging import Claim

OWN_PAGE = "pages/points/index"


async def confirm(session: AsyncSession, *, principal: Principal, confirmation_id: UUID) -> PointsConfirmation:
    """Lets the award through: it is judged as any other, by the caps of its own day and the rule as it was, and credited.

    Raises NotFound, Forbidden for the first reviewer and for the member, InvalidTransition when decided.
    """
    row = await _decidable(session, principal, confirmation_id)
    rule = await queries_awarding.version_of(session, code=row.rule_code, version=row.rule_version)
    reference = Reference(row.source_type, row.source_id, row.source_number)
    claim = Claim(row.member_id, row.filed_on, row.area_path, row.points_each, row.units, row.subject_id)
    case = Case(row.rule_code, rule, reference, claim)
    balance = await ledger.lock(session, row.member_id)
    seen = await awarding.grounds(session, row.rule_code, reference, claim)
    given = await awarding.settle(session, case, balance, await awarding.judged(session, case, seen))
    await _decide(session, principal, row, ConfirmationStatus.CONFIRMED, credited=given.credited)
    await _tell(session, row, title="积分已确认", body=f"{_named(row, rule)}已由第二位审核员确认，{_outcome(given)}")
    return row


async def refuse(session: AsyncSession, *, principal: Principal, confirmation_id: UUID, reason: str) -> PointsConfirmation:
    """Nothing is paid, and the member hears why. Raises what `confirm` raises."""
    row = await _decidable(session, principal, confirmation_id)
    rule = await queries_awarding.version_of(session, code=row.rule_code, version=row.rule_version)
    said = await noting.note(session, member_id=row.member_id, text=reason)
    await _decide(session, principal, row, ConfirmationStatus.REFUSED, reason_id=said)
    await _tell(session, row, title="积分未获确认", body=f"{_named(row, rule)}未获第二位审核员确认：{reason}")
    return row


async def _decidable(session: AsyncSession, principal: Principal, confirmation_id: UUID) -> PointsConfirmation:
    row = await queries_conditions.access_confirmation(session, principal=principal, confirmation_id=confirmation_id)
    if principal.account_id in (row.first_actor_id, row.member_id):
        raise Forbidden("须由另一位审核员确认")
    if row.status is not ConfirmationStatus.PENDING:
        raise InvalidTransition(state=row.status, allowed=[])
    return row


async def _decide(
    session: AsyncSession, principal: Principal, row: PointsConfirmation, status: ConfirmationStatus, *, reason_id: UUID | None = None,
    **facts: Any,
) -> None:
    """All columns at once: a CHECK ties them."""
    now, _ = await queries_conditions.now(session)
    row.status, row.decided_by, row.decided_at, row.reason_id = status, principal.account_id, now, reason_id
    session.add(row)
    verb = {ConfirmationStatus.CONFIRMED: "confirm", ConfirmationStatus.REFUSED: "refuse"}[status]
    audit_service.record(
        session, f"points.{verb}_award", object_kind="points_confirmation", object_id=row.id, area_path=row.area_path, rule=row.rule_code,
        points=row.points, **facts,
    )
    await session.flush()


def _named(row: PointsConfirmation, rule: Rule) -> str:
    return f"{rule.title}（{row.source_number}）" if row.source_number else rule.title


def _outcome(given: Award) -> str:
    if given.credited:
        return f"您获得 {given.credited} 积分。"
    return "但未计入积分，原因可在积分记录中查看。"


async def _tell(session: AsyncSession, row: PointsConfirmation, *, title: str, body: str) -> None:
    await messages_service.send(
        session, member_id=row.member_id, category="points", title=title, body=body, path=OWN_PAGE,
        reference=(row.source_type, row.source_id, row.source_number),
    )
