"""Sending short messages, outside of any transaction."""

from typing import Any
from uuid import UUID

from app.jobs.registry import Context, every, handles
from app.sms import senders, service
from app.sms.models import SmsStatus
from app.sms.port import SmsRefused, SmsSilent, SmsUnavailable
from app.sms.service import Due


@handles("sms.send")
async def send(context: Context, payload: dict[str, Any]) -> None:
    """Raises SmsUnavailable, so that the job comes again."""
    sms_id = UUID(payload["sms_id"])
    async with context.database.transaction() as session:
        due = await service.begin(session, sms_id=sms_id)
    if due is None:
        return
    try:
        status, told = await _sent(context, due)
    except SmsUnavailable as unavailable:
        async with context.database.transaction() as session:
            await service.leave(session, sms_id=sms_id, turn=due.turn, arrived=isinstance(unavailable, SmsSilent))
        raise
    async with context.database.transaction() as session:
        await service.end(session, sms_id=sms_id, turn=due.turn, status=status, **told)


async def _sent(context: Context, due: Due) -> tuple[SmsStatus, dict[str, str]]:
    async with senders.opened(context.settings) as sender:
        try:
            return SmsStatus.SENT, {"serial": await sender.send(due.phone, due.template, due.params)}
        except SmsRefused as refusal:
            return SmsStatus.REFUSED, {"reason": refusal.reason}


@every("40 19 * * *", "sms.sweep")
async def sweep(context: Context) -> None:
    """Nightly in China."""
    async with context.database.transaction() as session:
        await service.sweep(session)
