"""Asking for an SMS in the transaction of its cause, and the two ends of sending it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.audit import service as audit_service
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.security import sealing, throttles
from app.sms import queries
from app.sms.models import Sms, SmsStatus, SmsTemplate

PER_MINUTE, PER_DAY = 1, 10  # to one number, whoever asks
LEASE = timedelta(seconds=20)  # a call lasts ten at most
MOST_SENDS = 2  # the SMS, and once more where the provider said nothing
KEPT = timedelta(days=180)
CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Due:
    """An SMS that is about to be sent. `turn` proves to `end` that nobody took it over."""

    template: SmsTemplate
    phone: str = field(repr=False)
    params: tuple[str, ...] = field(repr=False)
    turn: int


async def ask(
    session: AsyncSession, *, phone: str, template: SmsTemplate, about: tuple[str, UUID], params: Sequence[str] = (),
    area_path: str | None = None,
) -> None:
    """Has an SMS sent after the commit. `about` is the kind and id of what it is about, `params` are codes, never words of people.

    Raises RateLimited: one a minute and ten a day to one number. Nothing is written then, and the caller may go on without.
    """
    index = sealing.blind_index(session, phone, purpose="sms").hex()
    await throttles.take(session, f"sms:minute:{index}", limit=PER_MINUTE, period_s=60)
    await throttles.take(session, f"sms:day:{index}", limit=PER_DAY, period_s=86_400)
    kind, about_id = about
    row = Sms(template=template, params=list(params), about_kind=kind, about_id=about_id)
    row.phone_sealed = sealing.seal(session, phone, table="sms", column="phone", row=row.id)
    session.add(row)
    audit_service.record(
        session, "sms.ask", object_kind=kind, object_id=about_id, area_path=area_path, sms_id=str(row.id), template=template.value
    )
    await jobs_service.enqueue(session, "sms.send", {"sms_id": str(row.id)})


async def begin(session: AsyncSession, *, sms_id: UUID) -> Due | None:
    """Takes an SMS to send it; None when it has ended, another is at it (this job comes again), or it may have arrived twice."""
    found = await queries.lock(session, sms_id)
    if found is None or found[0].ended_at is not None:
        return None
    row, held = found
    if held:
        await jobs_service.enqueue(session, "sms.send", {"sms_id": str(sms_id)}, delay=LEASE)
        return None
    if row.unanswered >= MOST_SENDS or row.phone_sealed is None:
        await _close(session, sms_id, SmsStatus.FAILED, reason="unanswered")
        return None
    phone = sealing.unseal(session, row.phone_sealed, table="sms", column="phone", row=sms_id)
    turn = row.unanswered + 1
    await session.exec(
        sa.update(Sms)
        .where(col(Sms.id) == sms_id)
        .values(status=SmsStatus.SENDING, unanswered=turn, until=CLOCK + LEASE)
        .execution_options(synchronize_session=False)
    )
    return Due(row.template, phone, tuple(row.params), turn)


async def end(
    session: AsyncSession, *, sms_id: UUID, turn: int, status: SmsStatus, serial: str | None = None, reason: str | None = None
) -> None:
    """It was sent, or never will be: the number goes. Nothing happens to one that somebody else took over."""
    await _close(session, sms_id, status, serial=serial, reason=reason, turn=turn)


async def leave(session: AsyncSession, *, sms_id: UUID, turn: int, arrived: bool) -> None:
    """It is to be tried again; `arrived`: it may have."""
    await session.exec(
        sa.update(Sms)
        .where(col(Sms.id) == sms_id, col(Sms.unanswered) == turn, col(Sms.status) == SmsStatus.SENDING)
        .values(status=SmsStatus.WAITING, until=None, unanswered=turn if arrived else turn - 1)
    )


async def _close(
    session: AsyncSession, sms_id: UUID, status: SmsStatus, *, serial: str | None = None, reason: str | None = None,
    turn: int | None = None,
) -> None:
    chosen = sa.update(Sms).where(col(Sms.id) == sms_id, col(Sms.ended_at).is_(None))
    if turn is not None:
        chosen = chosen.where(col(Sms.unanswered) == turn)
    closed = await session.exec(
        chosen.values(status=status, serial=serial, reason=reason, phone_sealed=None, params=[], until=None, ended_at=CLOCK)
        .returning(col(Sms.about_kind), col(Sms.about_id), col(Sms.template))
    )
    row = closed.first()
    if row is not None:
        audit_service.record(
            session, "sms.end", object_kind=row[0], object_id=row[1], outcome="ok" if status is SmsStatus.SENT else "error",
            reason=reason, sms_id=str(sms_id), template=row[2].value,
        )
        await session.flush()


async def sweep(session: AsyncSession) -> None:
    """Deletes what ended half a year ago."""
    await session.exec(sa.delete(Sms).where(col(Sms.ended_at) < CLOCK - KEPT))
