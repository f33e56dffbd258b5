"""Putting messages into inboxes, reading them, counting permissions, and the two ends of a copy through WeChat."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import NotFound, ValidationFailed
from app.jobs import service as jobs_service
from app.messages import queries, workflow
from app.messages.models import MAX_GRANTS, Category, Message, MessageGrant, MessageTemplate, Push


@dataclass(frozen=True, slots=True)
class Copy:
    """One subscription message that is about to be sent."""

    member_id: UUID
    template_id: str
    data: dict[str, str]
    page: str | None


async def send(
    session: AsyncSession, *, member_id: UUID, category: str, title: str, body: str, path: str | None = None,
    reference: tuple[str, UUID, str | None] | None = None,
) -> None:
    """Puts a message into an inbox, and a job for its copy where the person has permitted one.

    Title and body are shown to that person only, yet hold nothing that a glance at the phone must not tell (Party matters); they are
    cut at 60 and 500 characters. `reference` is the type, id and number of what it is about. Nobody writes to an erased account.
    """
    kind, reference_id, number = reference or (None, None, None)
    message_id = new_id()
    permitted = sa.exists(
        sa.select(sa.literal(1))
        .join_from(MessageGrant, MessageTemplate, col(MessageTemplate.template_id) == col(MessageGrant.template_id))
        .where(
            col(MessageGrant.member_id) == member_id, col(MessageGrant.count) > 0, col(MessageTemplate.active),
            col(MessageTemplate.category) == Category(category),
        )
    )
    values: dict[str, Any] = {
        "id": message_id, "member_id": member_id, "category": Category(category), "title": workflow.cut(title, 60),
        "body": workflow.cut(body, 500), "path": path, "reference_type": kind, "reference_id": reference_id, "reference_number": number,
    }
    gone = sa.exists().where(col(Account.id) == member_id, col(Account.status) == AccountStatus.ERASED)
    row = sa.select(*(sa.literal(value, _type_of(name)).label(name) for name, value in values.items())).where(sa.not_(gone))
    made = await session.exec(insert(Message).from_select(list(values), row, include_defaults=False).returning(permitted))
    if made.scalar_one_or_none():
        await jobs_service.enqueue(session, "message.push", {"message_id": str(message_id)})


def _type_of(name: str) -> sa.types.TypeEngine[Any]:
    return cast("sa.types.TypeEngine[Any]", getattr(Message, name).type)


async def read(session: AsyncSession, *, member_id: UUID, message_id: UUID) -> Message:
    """Marks one's own message as read; the first time stays. Raises NotFound."""
    found = await session.exec(
        sa.update(Message)
        .where(col(Message.id) == message_id, col(Message.member_id) == member_id)
        .values(read_at=sa.func.coalesce(col(Message.read_at), sa.func.clock_timestamp()))
        .returning(Message)
    )
    message: Message | None = found.scalars().first()
    if message is None:
        raise NotFound
    return message


async def read_all(session: AsyncSession, *, member_id: UUID) -> None:
    await session.exec(
        sa.update(Message)
        .where(col(Message.member_id) == member_id, col(Message.read_at).is_(None))
        .values(read_at=sa.func.clock_timestamp())
    )


async def count_permissions(session: AsyncSession, *, member_id: UUID, results: dict[str, str]) -> dict[str, int]:
    """Counts what the person answered to each template: a yes permits one more message, anything else ends all permissions of it.

    Returns the counters. Raises ValidationFailed for a template that is not ours; then nothing is counted.
    """
    known = {template.template_id for template in await queries.templates(session)}
    if not known.issuperset(results):
        raise ValidationFailed.of("body", "results", msg="包含未知的订阅模板", kind="template")
    counters: dict[str, int] = {}
    for template_id, answer in sorted(results.items()):
        counters[template_id] = await set_permission(session, member_id=member_id, template_id=template_id, accepted=answer == "accept")
    return counters


async def set_permission(session: AsyncSession, *, member_id: UUID, template_id: str, accepted: bool) -> int:
    """One more message permitted, or none any longer; returns the counter."""
    raised = sa.func.least(MessageGrant.count + 1, MAX_GRANTS)
    made = await session.exec(
        insert(MessageGrant)
        .values(member_id=member_id, template_id=template_id, count=int(accepted))
        .on_conflict_do_update(
            index_elements=["member_id", "template_id"],
            set_={"count": raised if accepted else 0, "changed_at": sa.func.clock_timestamp()},
        )
        .returning(col(MessageGrant.count))
    )
    return int(made.scalar_one())


async def note_answer(session: AsyncSession, *, member_id: UUID, template_id: str, accepted: bool) -> None:
    """What WeChat tells about a permission: a no ends all of them, a yes makes sure of one.

    The mini program reports the same yes, and that report counts: adding both would promise messages that WeChat refuses.
    """
    if not accepted:
        await set_permission(session, member_id=member_id, template_id=template_id, accepted=False)
        return
    await session.exec(
        insert(MessageGrant)
        .values(member_id=member_id, template_id=template_id, count=1)
        .on_conflict_do_update(
            index_elements=["member_id", "template_id"], set_={"count": 1, "changed_at": sa.func.clock_timestamp()},
            where=col(MessageGrant.count) == 0,
        )
    )


async def begin_copy(session: AsyncSession, *, message_id: UUID) -> Copy | None:
    """Takes one permission for the copy of a message; None when it was sent already, or is not permitted any more.

    A message that is found as `sending` belongs to a run that died without WeChat's answer: its permission is taken, it is sent again.
    """
    message = await queries.lock(session, message_id=message_id)
    if message is None or message.push not in (None, Push.SENDING):
        return None
    template = await queries.template_for(session, category=message.category)
    if template is None:
        return None
    if message.push is None:
        taken = await _change_count(session, message.member_id, template.template_id, -1)
        message.push = Push.SENDING if taken else Push.NOT_PERMITTED
        session.add(message)
        await session.flush()
        if not taken:
            return None
    data = workflow.fill(template.fields, title=message.title, number=message.reference_number, at=message.created_at)
    return Copy(message.member_id, template.template_id, data, message.path)


async def end_copy(session: AsyncSession, *, message_id: UUID, copy: Copy, outcome: Push | None) -> None:
    """Writes how the copy went. A refusal by the person empties the counter; what WeChat did not send gives the permission back.

    `outcome` None: WeChat could not be reached, the copy is to be tried again.
    """
    await session.exec(
        sa.update(Message).where(col(Message.id) == message_id, col(Message.push) == Push.SENDING).values(push=outcome)
    )
    if outcome is Push.REFUSED:
        await set_permission(session, member_id=copy.member_id, template_id=copy.template_id, accepted=False)
    elif outcome is not Push.SENT:
        await _change_count(session, copy.member_id, copy.template_id, 1)


async def _change_count(session: AsyncSession, member_id: UUID, template_id: str, change: int) -> bool:
    changed = await session.exec(
        sa.update(MessageGrant)
        .where(
            col(MessageGrant.member_id) == member_id, col(MessageGrant.template_id) == template_id,
            sa.between(col(MessageGrant.count) + change, 0, MAX_GRANTS),
        )
        .values(count=MessageGrant.count + change, changed_at=sa.func.clock_timestamp())
    )
    return bool(changed.rowcount)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Erases the inbox and the permissions of a person."""
    await session.exec(sa.delete(Message).where(col(Message.member_id) == member_id))
    await session.exec(sa.delete(MessageGrant).where(col(MessageGrant.member_id) == member_id))
