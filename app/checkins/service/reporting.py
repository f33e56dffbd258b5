"""What those do who report in: file, withdraw; and the erasure of a person."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.checkins import queries, workflow
from app.checkins.models import OPEN, Appointment, CheckIn, Status
from app.checkins.schemas import CheckInIn
from app.checkins.service import closing, notices
from app.checkins.workflow import Command
from app.db.base import new_id
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.errors import AlreadyExists, Forbidden, ValidationFailed
from app.members import queries as members_queries
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.security import sealing


async def report_in(session: AsyncSession, *, principal: Principal, area_id: UUID, told: CheckInIn) -> CheckIn:
    """Files a check-in and tells the community's reviewers.

    Raises NotFound, ValidationFailed for an area that is no community or a rider who gave no name yet, Forbidden for a console account
    and for who is not the enterprise's contact, PhoneRequired, AlreadyExists.
    """
    area = await areas_queries.get(session, area_id)
    if area.level is not Level.COMMUNITY:
        raise ValidationFailed.of("path", "area_id", msg="双报到只能到社区，请选择一个社区", kind="area_level")
    if told.enterprise_id is None:
        subject = await _rider(session, principal)
    else:
        subject = await _enterprise(session, principal, told.enterprise_id)
    row = await _insert(session, principal, area, told, subject)
    closing.audit(session, row, "report_in", kind=row.kind.value, wished_role=told.role.value if told.role else None)
    await session.flush()
    await notices.tell_reviewers(session, row)
    return row


async def _rider(session: AsyncSession, principal: Principal) -> Mapping[str, Any]:
    members_workflow.require_member(principal)
    principal.require_phone()
    if await members_queries.real_name(session, member_id=principal.account_id) is None:
        raise ValidationFailed.of("body", "kind", msg="请先完成双找登记、填写真实姓名，再到社区报到", kind="real_name")
    await members_service.ensure(session, member_id=principal.account_id)
    return {"member_id": principal.account_id}


async def _enterprise(session: AsyncSession, principal: Principal, enterprise_id: UUID) -> Mapping[str, Any]:
    enterprise = await enterprises_queries.get(session, enterprise_id)
    if not principal.holds(ScopeType.ENTERPRISE, enterprise.id, Role.ENTERPRISE_CONTACT):
        raise Forbidden("只有企业联系人可以为企业报到")
    return {"enterprise_id": enterprise.id}


async def _insert(
    session: AsyncSession, principal: Principal, area: Area, told: CheckInIn, subject: Mapping[str, Any]
) -> CheckIn:
    checkin_id = new_id()
    note = None if told.note is None else sealing.seal(session, told.note, table=queries.TABLE, column="note", row=checkin_id)
    made = await session.exec(
        insert(CheckIn)
        .values(
            id=checkin_id, kind=told.kind, status=Status.PENDING, reported_by=principal.account_id, area_id=area.id, area_path=area.path,
            wished_role=told.role, note_sealed=note, version=1, **subject,
        )
        .on_conflict_do_nothing(index_elements=[*subject, "area_id"], index_where=OPEN)
        .returning(CheckIn)
    )
    row: CheckIn | None = made.scalars().first()
    if row is None:
        raise AlreadyExists("已在该社区报到，请勿重复提交")
    return row


async def withdraw(session: AsyncSession, *, principal: Principal, area_id: UUID, checkin_id: UUID, seen: int | None) -> CheckIn:
    """Takes one's own back before it is decided. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row, _ = await closing.begun(session, principal, area_id=area_id, checkin_id=checkin_id, command=Command.WITHDRAW, seen=seen)
    await closing.close(session, row, Status.WITHDRAWN, by=principal.account_id)
    closing.audit(session, row, "withdraw")
    await session.flush()
    return row


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Ends what is open of a person, and empties what was written about one or by one; that there was a check-in stays, for the counts."""
    for row in await queries.locked_of(session, member_id=member_id):
        if row.status in workflow.OPEN:
            ended = Status.WITHDRAWN if row.status is Status.PENDING else Status.ENDED
            await closing.close(session, row, ended, by=member_id)
            closing.audit(session, row, "forget")
    mine = sa.select(col(CheckIn.id)).where(col(CheckIn.member_id) == member_id)
    about = sa.or_(col(Appointment.checkin_id).in_(mine), col(Appointment.stopped_by) == member_id)
    await session.exec(sa.update(Appointment).where(about).values(reason_sealed=None))
    written = sa.or_(col(CheckIn.closed_by) == member_id, col(CheckIn.decided_by) == member_id)
    await session.exec(
        sa.update(CheckIn).where(sa.or_(col(CheckIn.member_id) == member_id, written)).values(reason_sealed=None)
    )
    filed = sa.or_(col(CheckIn.member_id) == member_id, col(CheckIn.reported_by) == member_id)
    await session.exec(sa.update(CheckIn).where(filed).values(note_sealed=None))

