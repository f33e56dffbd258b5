"""Every change of the queue: an item is asked for, follows its owner, lapses, is decided once, is remembered to people.

Lock order: the item, then the report or the photo. What strangers see is decided by the state of these, never by the item.
"""

from collections import Counter
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Conflict, expect_version
from app.messages import service as messages_service
from app.messages.models import Message
from app.moderation import queries, workflow
from app.moderation.models import ItemKind, ItemStatus, ModerationItem, ModerationText, OwnerType, Reason
from app.moderation.queries import CLOCK, Seen
from app.reports import queries_texts as reports_queries_texts
from app.reports import service as reports_service
from app.reports.models import Report
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service
from app.uploads.models import Upload

PAGES = {
    OwnerType.REPORT: "pages/report/detail?id={}", OwnerType.STORE: "pages/store/detail?id={}",
    OwnerType.REWARD: "pages/reward/detail?id={}",
}
QUEUE = "pages/moderation/index"
PHOTO = "upload"  # what a message about a photo refers to


async def look_at_photo(session: AsyncSession, *, upload_id: UUID) -> None:
    """Brings the queue in line with what is known of a photo now. Twice changes nothing."""
    upload = await uploads_queries.get(session, upload_id)
    owner, path = None, None
    reason = workflow.of_photo(upload) if upload else None
    if upload is not None and upload.owner_id is not None and reason is not None:
        owner = workflow.OWNERS.get(str(upload.kind))
        path = await queries.area_path(session, owner_type=owner, owner_id=upload.owner_id) if owner else None
    if upload is None or owner is None or reason is None or path is None:
        await _lapse(session, col(ModerationItem.edition_id) == upload_id)
        if upload is not None and reason is Reason.RISKY and upload.kind in workflow.VOUCHED:
            await _tell_staff(session, upload)
        return
    await _ask(
        session, reason, kind=ItemKind.PHOTO, owner_type=owner, owner_id=upload.owner_id, edition_id=upload_id, author_id=upload.member_id,
        area_path=path,
    )


async def look_at_text(session: AsyncSession, *, report_id: UUID) -> None:
    """The same for the description of a report: what stood there before is not asked about any more."""
    report = await session.get(Report, report_id, populate_existing=True)
    edition = (await reports_queries_texts.editions(session, [report_id])).get(report_id)
    reason = workflow.of_text(report.text_check) if report and report.description_sealed else None
    of_it = sa.and_(col(ModerationItem.owner_id) == report_id, col(ModerationItem.kind) == ItemKind.TEXT)
    if report is None or edition is None or reason is None:
        await _lapse(session, of_it)
        return
    await _lapse(session, sa.and_(of_it, col(ModerationItem.edition_id) != edition))
    await _ask(
        session, reason, kind=ItemKind.TEXT, owner_type=OwnerType.REPORT, owner_id=report_id, edition_id=edition,
        author_id=report.member_id, area_path=report.area_path,
    )


async def follow(session: AsyncSession, *, report_id: UUID) -> None:
    """A report has moved: what waits of it, and what was decided, is for the people of its new area."""
    path = await queries.area_path(session, owner_type=OwnerType.REPORT, owner_id=report_id)
    if path is not None:
        await session.exec(
            sa.update(ModerationItem)
            .where(col(ModerationItem.owner_id) == report_id, col(ModerationItem.area_path) != path)
            .values(area_path=path)
        )


async def decide(session: AsyncSession, *, principal: Principal, item_id: UUID, command: str, note: str | None, seen: int | None) -> Seen:
    """Passes or blocks what an item is about; strangers see it, or do not, from now on. Its author is told of a block.

    Raises NotFound, VersionMismatch, InvalidTransition, and Conflict for what was rewritten or taken away just now.
    """
    found = await queries.access_item(session, principal=principal, item_id=item_id, lock=True)
    item = found.item
    expect_version(seen, item.version)
    workflow.require_waiting(item)
    if not await _apply(session, item, passed=command == "pass"):
        raise Conflict("内容刚刚被修改，请刷新后再试")
    note_id = await _put_text(session, principal.account_id, note)
    await session.exec(
        sa.update(ModerationItem)
        .where(col(ModerationItem.id) == item.id)
        .values(
            status=workflow.COMMANDS[command], decided_at=CLOCK, decided_by=principal.account_id, note_id=note_id,
            version=ModerationItem.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    audit_service.record(
        session, f"moderation.{command}", object_kind="moderation_item", object_id=item.id, area_path=item.area_path, kind=item.kind.value,
        reason=item.reason.value, owner_type=item.owner_type.value, owner_id=str(item.owner_id),
    )
    if command == "block":
        await _tell_author(session, found)
    return await queries.access_item(session, principal=principal, item_id=item_id)


async def _apply(session: AsyncSession, item: ModerationItem, *, passed: bool) -> bool:
    if item.kind is ItemKind.PHOTO:
        return await uploads_service.decide(session, upload_id=item.edition_id, owner_id=item.owner_id, passed=passed)
    return await reports_service.decide_text(session, report_id=item.owner_id, edition=item.edition_id, passed=passed)


async def _put_text(session: AsyncSession, author_id: UUID, note: str | None) -> UUID | None:
    if not note:
        return None
    row = ModerationText(author_id=author_id, text=note)
    session.add(row)
    await session.flush()
    return row.id


async def _tell_author(session: AsyncSession, found: Seen) -> None:
    """Without a word of what was blocked: a glance at the phone tells nobody."""
    item, report = found.item, found.report
    assert item.author_id is not None  # the table sees to it while an item waits
    what = f"{report.number}：您" if report else "您"
    await messages_service.send(
        session, member_id=item.author_id, category="report" if report else "system", title="有内容未通过审核",
        body=f"{what}提交的{workflow.NOUNS[item.kind]}未通过内容审核，不对其他人展示，不影响办理。如有异议，可在“意见建议”中提出。",
        path=PAGES[item.owner_type].format(item.owner_id),
        reference=(item.owner_type.value, item.owner_id, report.number if report else None),
    )


async def _tell_staff(session: AsyncSession, upload: Upload) -> None:
    """Once a photo: readers do not see it, whoever put it there does, and would not know."""
    known = await session.exec(
        sa.select(sa.literal(1)).where(
            col(Message.member_id) == upload.member_id, col(Message.reference_type) == PHOTO, col(Message.reference_id) == upload.id
        )
    )
    if known.first() is None:
        await messages_service.send(
            session, member_id=upload.member_id, category="system", title="有照片未通过审核", reference=(PHOTO, upload.id, None),
            body="您为通知公告或微信群上传的照片未通过微信的内容审核，不对其他人展示，请更换。",
            path=workflow.VOUCHED[str(upload.kind)].format(upload.owner_id),
        )


async def remind(session: AsyncSession) -> int:
    """Tells the reviewers of what has waited for more than a day, once a day; returns how many were told."""
    today = clock.today()
    late = await session.exec(
        sa.update(ModerationItem).where(*queries.to_remind(today)).values(reminded_on=today).returning(col(ModerationItem.area_path))
    )
    told: Counter[UUID] = Counter()
    for path, count in Counter(late.scalars().all()).items():
        reviewers: list[UUID] = []
        for role in workflow.ROLES:
            reviewers = reviewers or await auth_queries.covering(session, area_path=path, roles=[role])
        told.update(dict.fromkeys(reviewers, count))
    for account_id, count in sorted(told.items()):
        await messages_service.send(
            session, member_id=account_id, category="system", title="有内容待审核", path=QUEUE,
            body=f"有 {count} 条文字或照片等待审核超过 24 小时，请及时处理。",
        )
    return len(told)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Takes a person out of the queue and empties what was written by them and about their things."""
    about = sa.select(col(ModerationItem.note_id)).where(
        col(ModerationItem.author_id) == member_id, col(ModerationItem.note_id).is_not(None)
    )
    await session.exec(
        sa.update(ModerationText)
        .where(sa.or_(col(ModerationText.author_id) == member_id, col(ModerationText.id).in_(about)))
        .values(text=None)
        .execution_options(synchronize_session=False)
    )
    await _lapse(session, col(ModerationItem.author_id) == member_id)
    await session.exec(
        sa.update(ModerationItem)
        .where(col(ModerationItem.author_id) == member_id)
        .values(author_id=None)
        .execution_options(synchronize_session=False)
    )


async def _ask(session: AsyncSession, reason: Reason, **of: Any) -> None:
    """Opens the item of an edition, or brings an undecided one up to date. A decided one stays: the edition is the same."""
    status = col(ModerationItem.status)
    made = insert(ModerationItem).values(id=new_id(), reason=reason, status=ItemStatus.WAITING, version=1, **of)
    now = made.excluded
    differs = sa.tuple_(col(ModerationItem.reason), col(ModerationItem.owner_id), col(ModerationItem.area_path)).op("is distinct from")(
        sa.tuple_(now.reason, now.owner_id, now.area_path)
    )
    asked = await session.exec(
        made.on_conflict_do_update(
            index_elements=["edition_id"],
            set_={
                "reason": now.reason, "owner_type": now.owner_type, "owner_id": now.owner_id, "author_id": now.author_id,
                "area_path": now.area_path, "status": ItemStatus.WAITING, "decided_at": None, "version": ModerationItem.version + 1,
                "created_at": sa.case((status == ItemStatus.LAPSED, CLOCK), else_=col(ModerationItem.created_at)),
            },
            where=sa.or_(status == ItemStatus.LAPSED, sa.and_(status == ItemStatus.WAITING, differs)),
        ).returning(col(ModerationItem.id))
    )
    item_id = asked.scalars().first()
    if item_id is not None:
        audit_service.record(
            session, "moderation.ask", object_kind="moderation_item", object_id=item_id, area_path=of["area_path"], kind=of["kind"].value,
            reason=reason.value, owner_type=of["owner_type"].value, owner_id=str(of["owner_id"]),
        )


async def _lapse(session: AsyncSession, which: sa.ColumnElement[bool]) -> None:
    await session.exec(
        sa.update(ModerationItem)
        .where(which, queries.IS_WAITING)
        .values(status=ItemStatus.LAPSED, decided_at=CLOCK, version=ModerationItem.version + 1)
        .execution_options(synchronize_session=False)
    )
