"""How a command begins, and how check-ins and appointments come to an end: what the use cases share."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.checkins import queries, workflow
from app.checkins.models import Appointment, CheckIn, Status, Stopped
from app.checkins.workflow import Command, Side
from app.db.session import AsyncSession
from app.errors import expect_version
from app.security import sealing


async def begun(
    session: AsyncSession, principal: Principal, *, area_id: UUID, checkin_id: UUID, command: Command, seen: int | None = None
) -> tuple[CheckIn, Side]:
    """The check-in, locked, in a state in which this caller may give this command, and the side from which it is given.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition, in this order.
    """
    row = await queries.access(session, principal=principal, area_id=area_id, checkin_id=checkin_id, lock=True)
    side = workflow.require_side(principal, row, command)
    expect_version(seen, row.version)
    workflow.step(principal, row, side, command)
    return row, side


async def close(session: AsyncSession, row: CheckIn, status: Status, *, by: UUID, reason: str | None = None) -> None:
    """Puts a locked check-in into a final state; the appointments that have days left end with it."""
    row.status, row.closed_by, row.closed_at, row.version = status, by, await queries.now(session), row.version + 1
    if reason is not None:
        row.reason_sealed = sealing.seal(session, reason, table=queries.TABLE, column="reason", row=row.id)
    if status is Status.REJECTED:
        row.decided_by, row.decided_at = by, row.closed_at
    session.add(row)
    await session.flush()
    await session.exec(
        sa.update(Appointment)
        .where(
            col(Appointment.checkin_id) == row.id, col(Appointment.stopped_at).is_(None), col(Appointment.valid_until) >= queries.TODAY
        )
        .values(stopped_at=row.closed_at, stopped_as=Stopped.ENDED, stopped_by=by, version=Appointment.version + 1)
    )


def audit(session: AsyncSession, row: CheckIn, verb: str, **facts: Any) -> None:
    audit_service.record(session, f"checkins.{verb}", object_kind="checkin", object_id=row.id, area_path=row.area_path, **facts)
