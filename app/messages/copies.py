"""The life of a copy through WeChat: it waits, is taken, is sent once, and ends; the inbox is untouched by all of it.

Between `begin` and `end` no transaction is open: WeChat is being called. Meanwhile the copy is `sending` until `copy_until`: nobody else
sends it or any other to the same person, and a process that dies in between leaves a copy that another one takes over. `unanswered` is
counted up before the call, so that what may have arrived is known whatever happens, and is the fence of the one who counted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.db.session import AsyncSession
from app.jobs import service as jobs_service
from app.jobs.workflow import Priority
from app.messages import limits, queries_copies, service, workflow
from app.messages.models import MAX_GRANTS, KeptBack, Message, MessageGrant, MessageTemplate, Push
from app.messages.queries_copies import CLOCK, Standing
from app.security import throttles

LEASE = timedelta(seconds=10)  # a call lasts six at most
LANE_PAUSE = timedelta(seconds=2)
MOST_SENDS = 2  # the copy, and once more where WeChat said nothing
MORNING_SECONDS = 600  # what waited for the morning does not go in one second


@dataclass(frozen=True, slots=True)
class Copy:
    """One subscription message that is about to be sent. `turn` proves to `end` that nobody took it over."""

    member_id: UUID
    template_id: str
    data: dict[str, str]
    page: str | None
    turn: int


class Told(Enum):
    """What begin answers instead of a copy."""

    NOTHING = "nothing"
    PROBE = "probe"  # it may have arrived: send it again only once WeChat is known to answer


async def begin(session: AsyncSession, *, message_id: UUID, answering: bool = False) -> Copy | Told:
    """Takes a permission for the copy of a message and the person's lane; or puts it off, or keeps it back, and answers NOTHING.

    `answering`: WeChat has just answered a probe. Without it a copy that may have arrived is not taken, but PROBE is told.
    """
    found = await queries_copies.lock(session, message_id=message_id)
    if found is None or found[0].push not in (None, Push.SENDING):
        return Told.NOTHING
    message, held, template = found
    if template is None:
        return Told.NOTHING
    await throttles.hold(session, f"copy:{message.member_id}")
    standing = await queries_copies.standing(session, message, template_id=template.template_id)
    due = _due(message, template, standing, held=held)
    if due is not None:
        await _put_off(session, message_id, due, workflow.priority(urgent=standing.urgent, bulk=standing.bulk))
        return Told.NOTHING
    if message.unanswered >= MOST_SENDS or (message.unanswered and message.read_at is not None):
        await _close(session, message, Push.FAILED)
        return Told.NOTHING
    if message.unanswered and not answering:
        return Told.PROBE
    return await _take(session, message, template, standing)


def _due(message: Message, template: MessageTemplate, standing: Standing, *, held: bool) -> datetime | None:
    """When to come again; None: now is the time."""
    now = clock.now()
    if held or standing.busy:
        return now + LANE_PAUSE
    if standing.urgent or message.push is Push.SENDING or message.read_at is not None:
        return None
    morning = workflow.quiet_until(now, template.quiet_from, template.quiet_until)
    return morning and morning + timedelta(seconds=message.id.int % MORNING_SECONDS)


async def _put_off(session: AsyncSession, message_id: UUID, due: datetime, priority: Priority) -> None:
    """A job that was put off twice to the same moment is there once."""
    key, delay = f"copy:{message_id}:{due:%Y%m%d%H%M%S%f}", due - clock.now()
    await jobs_service.enqueue(session, "message.push", {"message_id": str(message_id)}, key=key, delay=delay, priority=priority)


async def _take(session: AsyncSession, message: Message, template: MessageTemplate, standing: Standing) -> Copy | Told:
    if message.push is None:
        back = _kept_back(message, standing)
        if back is not None or not await _change_count(session, message.member_id, template.template_id, -1):
            message.kept_back = back
            await _close(session, message, Push.NOT_PERMITTED)
            return Told.NOTHING
    turn = message.unanswered + 1
    await session.exec(_taking(), params={"message": message.id, "turn": turn})
    title = template.title if limits.discloses(message.title) else message.title
    data = workflow.fill(template.fields, title=title, number=message.reference_number, at=message.created_at)
    return Copy(message.member_id, template.template_id, data, message.path, turn)


def _kept_back(message: Message, standing: Standing) -> KeptBack | None:
    if message.read_at is not None:
        return KeptBack.READ
    if standing.superseded:
        return KeptBack.SUPERSEDED
    if standing.count and not workflow.may_spend(standing.count, standing.usefulness, standing.levels):
        return KeptBack.LAST_PERMISSION
    return None


async def _close(session: AsyncSession, message: Message, push: Push) -> None:
    message.push, message.copy_until = push, None
    session.add(message)
    await session.flush()


async def end(session: AsyncSession, *, message_id: UUID, copy: Copy, outcome: Push | None) -> None:
    """Writes how the copy went. A refusal by the person empties the counter; what WeChat did not send gives the permission back.

    `outcome` None: WeChat did not take it, it is to be tried again. Nothing is written for a copy that somebody else took over.
    """
    left = copy.turn if outcome is Push.SENT else copy.turn - 1
    ended = await session.exec(_ending(), params={"message": message_id, "turn": copy.turn, "outcome": outcome, "left": left})
    if not ended.rowcount:
        return
    if outcome is Push.REFUSED:
        await service.set_permission(session, member_id=copy.member_id, template_id=copy.template_id, accepted=False)
    elif outcome is not Push.SENT:
        await _change_count(session, copy.member_id, copy.template_id, 1)


async def leave(session: AsyncSession, *, message_id: UUID, copy: Copy) -> None:
    """WeChat said nothing: the copy stays as it is, with its permission, and the lane is free for the others."""
    await session.exec(
        sa.update(Message)
        .where(col(Message.id) == message_id, col(Message.push) == Push.SENDING, col(Message.unanswered) == copy.turn)
        .values(copy_until=CLOCK)
    )


async def _change_count(session: AsyncSession, member_id: UUID, template_id: str, change: int) -> bool:
    changed = await session.exec(_counting(), params={"member": member_id, "template": template_id, "change": change})
    return bool(changed.rowcount)


# Built once, for the sake of thousands of copies in a row.
@cache
def _taking() -> Any:
    return (
        sa.update(Message)
        .where(col(Message.id) == sa.bindparam("message", type_=sa.Uuid))
        .values(push=Push.SENDING, unanswered=sa.bindparam("turn", type_=sa.Integer), copy_until=CLOCK + LEASE)
        .execution_options(synchronize_session=False)
    )


@cache
def _ending() -> Any:
    turn, left = sa.bindparam("turn", type_=sa.Integer), sa.bindparam("left", type_=sa.Integer)
    outcome = sa.bindparam("outcome", type_=queries_copies.type_of(Message.push))
    return (
        sa.update(Message)
        .where(
            col(Message.id) == sa.bindparam("message", type_=sa.Uuid), col(Message.push) == Push.SENDING, col(Message.unanswered) == turn
        )
        .values(push=outcome, copy_until=None, unanswered=left)
        .execution_options(synchronize_session=False)
    )


@cache
def _counting() -> Any:
    change = sa.bindparam("change", type_=sa.Integer)
    return (
        sa.update(MessageGrant)
        .where(
            col(MessageGrant.member_id) == sa.bindparam("member", type_=sa.Uuid),
            col(MessageGrant.template_id) == sa.bindparam("template", type_=sa.Text),
            sa.between(col(MessageGrant.count) + change, 0, MAX_GRANTS),
        )
        .values(count=MessageGrant.count + change, changed_at=sa.func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
