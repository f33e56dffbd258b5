"""What a community's reviewer decides, and how a check-in ends."""

from uuid import UUID

from app import clock
from app.auth.principal import Principal
from app.checkins import queries, workflow
from app.checkins.models import CheckIn, Status
from app.checkins.schemas import ConfirmIn
from app.checkins.service import appointing, closing, notices
from app.checkins.workflow import Command, Side
from app.db.session import AsyncSession
from app.errors import ValidationFailed
from app.points import service as points_service
from app.points.service import Award


async def confirm(
    session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, told: ConfirmIn, seen: int | None
) -> CheckIn:
    """Takes a rider or an enterprise in, appoints them, and pays a rider; tells them.

    Locks the check-in, then the day's number, then the balance. Raises NotFound, ValidationFailed for a term or role that cannot be,
    Forbidden, VersionMismatch, InvalidTransition.
    """
    term = workflow.term(told.valid_from, told.valid_until, clock.today())
    row, _ = await closing.begun(
        session, principal, area_id=area_id, checkin_id=checkin_id, command=Command.CONFIRM, seen=seen
    )
    role = workflow.role_for(row.kind, told.role, row.wished_role)
    row.status, row.decided_by, row.decided_at = Status.CONFIRMED, principal.account_id, await queries.now(session)
    row.version += 1
    session.add(row)
    appointment = await appointing.make(session, row, role=role, term=term, by=principal.account_id)
    award = await _pay(session, row, appointment.number)
    closing.audit(session, row, "confirm", appointment_id=str(appointment.id), role=role.value)
    await session.flush()
    await notices.tell_appointed(session, row, appointment, award=award)
    return row


async def _pay(session: AsyncSession, row: CheckIn, number: str) -> Award | None:
    """Pays a rider as the rule says: by default once per community and local year of filing, whoever ends and comes back.

    `award_year` marks the first paid one of a year, as the previous release looks for it.
    """
    if row.member_id is None:
        return None
    award = await points_service.award(
        session, member_id=row.member_id, rule=workflow.RULE, source_type="checkin", source_id=row.id, source_number=number,
        filed_at=row.created_at, area_path=row.area_path, subject=row.area_id,
    )
    year = clock.local(row.created_at).year
    if award.credited and not await queries.paid_in(session, member_id=row.member_id, area_id=row.area_id, year=year):
        row.award_year = year
        session.add(row)
    return award


async def reject(
    session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, reason: str, seen: int | None
) -> CheckIn:
    """Does not take somebody in, and says why. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row, _ = await closing.begun(session, principal, area_id=area_id, checkin_id=checkin_id, command=Command.REJECT, seen=seen)
    await closing.close(session, row, Status.REJECTED, by=principal.account_id, reason=reason)
    closing.audit(session, row, "reject")
    await session.flush()
    await notices.tell_owner(session, row, title="您的双报到未获确认")
    return row


async def end(
    session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, reason: str | None, seen: int | None
) -> CheckIn:
    """Ends a check-in with all its appointments: the reviewer with a reason, or who leaves.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition; ValidationFailed for a reviewer without a reason.
    """
    row, side = await closing.begun(session, principal, area_id=area_id, checkin_id=checkin_id, command=Command.END, seen=seen)
    if side is Side.REVIEWER and reason is None:
        raise ValidationFailed.of("body", "reason", msg="请说明结束的原因", kind="missing")
    await closing.close(session, row, Status.ENDED, by=principal.account_id, reason=reason)
    closing.audit(session, row, "end", side=side.value)
    await session.flush()
    if side is Side.REVIEWER:
        await notices.tell_owner(session, row, title="您的双报到已结束")
    else:
        await notices.tell_reviewers(session, row, title="有双报到人员或单位离开")
    return row
