"""Every change of a complaint."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import Role
from app.complaints import queries, workflow
from app.complaints.models import Complaint, Kind, Status
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition, expect_version
from app.members import queries as members_queries
from app.members import workflow as members_workflow
from app.messages import service as messages_service
from app.security import sealing
from app.uploads import service as uploads_service
from app.workdays import queries as workdays_queries

PAGE, DESK = "pages/complaints/detail", "pages/complaints/index"
WORDS = {Kind.COMPLAINT: "投诉", Kind.SUGGESTION: "建议"}


async def submit(session: AsyncSession, *, principal: Principal, kind: Kind, text: str, upload_ids: Sequence[UUID]) -> Complaint:
    """Takes a complaint or suggestion in, with its photos. Raises Forbidden for console accounts, and as `uploads.attach`."""
    members_workflow.require_member(principal)
    me, complaint_id = principal.account_id, new_id()
    area = await members_queries.area_of(session, member_id=me)
    due_at = await workdays_queries.add_days(session, start=await queries.now(session), days=workflow.DAYS_TO_ANSWER[kind])
    complaint = Complaint(
        id=complaint_id, member_id=me, kind=kind, area_path=area[1] if area else "", due_at=due_at,
        text_sealed=sealing.seal(session, text, table=queries.TABLE, column="text", row=complaint_id),
    )
    session.add(complaint)
    await session.flush()
    await uploads_service.attach(session, upload_ids=upload_ids, member_id=me, kind="complaint", owner_id=complaint_id)
    audit_service.record(
        session, "complaint.submit", object_kind="complaint", object_id=complaint_id, area_path=complaint.area_path, kind=kind.value
    )
    await session.flush()
    return complaint


async def answer(session: AsyncSession, *, principal: Principal, complaint_id: UUID, text: str, seen: int | None) -> Complaint:
    """Answers a complaint, once, and tells its writer. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    complaint = await queries.access(session, principal=principal, complaint_id=complaint_id)
    if not workflow.answers(principal, complaint):
        raise Forbidden
    expect_version(seen, complaint.version)
    if complaint.status is not Status.OPEN:
        raise InvalidTransition(state=complaint.status, allowed=[])
    complaint.answered_at = await queries.now(session)
    complaint.answer_sealed = sealing.seal(session, text, table=queries.TABLE, column="answer", row=complaint.id)
    complaint.status, complaint.answered_by, complaint.version = Status.ANSWERED, principal.account_id, complaint.version + 1
    session.add(complaint)
    audit_service.record(
        session, "complaint.answer", object_kind="complaint", object_id=complaint.id, area_path=complaint.area_path
    )
    await messages_service.send(
        session, member_id=complaint.member_id, category="complaint", title=f"您的{WORDS[complaint.kind]}已有答复",
        body="请在“我的意见建议”中查看答复。", path=f"{PAGE}?id={complaint.id}", reference=("complaint", complaint.id, None),
    )
    return complaint


async def remind(session: AsyncSession) -> int:
    """Tells the administrators of what waits beyond its limit, once a day; returns how many were told."""
    today = clock.today()
    late = await session.exec(
        sa.update(Complaint)
        .where(queries.LATE, col(Complaint.reminded_on).is_distinct_from(today))
        .values(reminded_on=today)
        .returning(col(Complaint.area_path))
    )
    told: Counter[UUID] = Counter()
    for path, count in Counter(late.scalars().all()).items():
        told.update(dict.fromkeys(await auth_queries.covering(session, area_path=path, roles=[Role.AREA_ADMIN]), count))
    for account_id, count in sorted(told.items()):
        await messages_service.send(
            session, member_id=account_id, category="system", title="有意见建议超时未答复", path=DESK,
            body=f"有 {count} 件投诉或建议超过答复时限，请尽快答复。",
        )
    return len(told)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties what a person wrote and what was answered to them; that there was a complaint stays."""
    await session.exec(
        sa.update(Complaint).where(col(Complaint.member_id) == member_id).values(text_sealed=None, answer_sealed=None)
    )
