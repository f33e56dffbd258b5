"""Putting messages into inboxes, reading them, counting permissions. What becomes of a copy through WeChat stands in `copies`."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import NotFound, ValidationFailed
from app.jobs import service as jobs_service
from app.messages import queries, workflow
from app.messages.models import MAX_GRANTS, Category, Message, MessageGrant, MessageMoment, MessageTemplate

SENT = (
    "id", "member_id", "category", "title", "body", "path", "reference_type", "reference_id", "reference_number", "moment",
)


def _sending() -> Prepared:
    """Puts a row into an inbox that is not an erased person's, and tells whether a copy is permitted, and how urgent it is."""
    member_id, category = sa.bindparam("member_id", type_=sa.Uuid), sa.bindparam("category", type_=sa.Text)
    permitted = sa.exists(
        sa.select(sa.literal(1))
        .join_from(MessageGrant, MessageTemplate, col(MessageTemplate.template_id) == col(MessageGrant.template_id))
        .where(
            col(MessageGrant.member_id) == member_id, col(MessageGrant.count) > 0, col(MessageTemplate.active),
            col(MessageTemplate.category) == category,
        )
    )
    gone = sa.exists().where(col(Account.id) == member_id, col(Account.status) == AccountStatus.ERASED)
    row = sa.select(
        *(sa.bindparam(name, type_=sa.Uuid if name.endswith("id") else sa.Text).label(name) for name in SENT),
        sa.case((permitted, sa.func.clock_timestamp())).label("copy_asked_at"),
    ).where(sa.not_(gone))
    made = insert(Message).from_select([*SENT, "copy_asked_at"], row, include_defaults=False)
    return Prepared(made.returning(col(Message.copy_asked_at), _of_moment("urgent"), _of_moment("bulk")))


def _of_moment(column: str) -> Any:
    """`code`: the moment, or else the one that is named as the category."""
    code = sa.bindparam("code", type_=sa.Text)
    return sa.select(getattr(MessageMoment, column)).where(col(MessageMoment.code) == code).scalar_subquery().label(column)


SENDING = _sending()


async def send(
    session: AsyncSession, *, member_id: UUID, category: str, title: str, body: str, path: str | None = None,
    reference: tuple[str, UUID, str | None] | None = None, moment: str | None = None,
) -> None:
    """Puts a message into an inbox, and a job for its copy where the person has permitted one.

    Title and body are shown to that person only, yet hold nothing that a glance at the phone must not tell (Party matters); they are
    cut at 60 and 500 characters. `reference` is the type, id and number of what it is about; `moment` a row of message_moment, for an
    event that is more or less useful than others of its category, or urgent. Nobody writes to an erased account.
    """
    kind, reference_id, number = reference or (None, None, None)
    message_id, about = new_id(), Category(category)
    await acting.work_on(session, member_id, Reason.TELL)
    made = await SENDING.first(
        session, id=message_id, member_id=member_id, category=about.value, title=workflow.cut(title, 60), body=workflow.cut(body, 500),
        path=path, reference_type=kind, reference_id=reference_id, reference_number=number, moment=moment, code=moment or about.value,
    )
    if made is not None and made["copy_asked_at"] is not None:
        priority = workflow.priority(urgent=bool(made["urgent"]), bulk=bool(made["bulk"]))
        await jobs_service.enqueue(session, "message.push", {"message_id": str(message_id)}, priority=priority)


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


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Erases the inbox and the permissions of a person."""
    await session.exec(sa.delete(Message).where(col(Message.member_id) == member_id))
    await session.exec(sa.delete(MessageGrant).where(col(MessageGrant.member_id) == member_id))
