"""Every change of announcements, and telling the people whom they are for.

Lock order: the announcement, receipts by member, the messages, the tally last: it is what many readers meet at.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.announcements import queries, queries_audience, workflow
from app.announcements.models import Announcement, AnnouncementOrganisation, AnnouncementReceipt, AnnouncementTally, Issuer
from app.areas import queries as areas_queries
from app.audit import service as audit_service
from app.auth.principal import AccountKind, Principal
from app.db.session import AsyncSession
from app.errors import NotFound, ValidationFailed, expect_version
from app.jobs import service as jobs_service
from app.jobs.workflow import Priority
from app.messages import service as messages_service
from app.organisations import queries as organisations_queries
from app.uploads import service as uploads_service

PHOTOS = "announcement"  # what photos are attached to
BATCH = 100  # people who are told in one transaction


async def create(
    session: AsyncSession, *, principal: Principal, area_id: UUID, organisation_ids: Sequence[UUID], upload_ids: Sequence[UUID],
    fields: Mapping[str, Any],
) -> Announcement:
    """Drafts one. Raises NotFound for an unknown area or organisation, Forbidden for people whom the caller may not address, and as
    `uploads.attach`.
    """
    area = await areas_queries.get(session, area_id)
    issuer = await _issuer(session, principal, area.path, organisation_ids)
    row = Announcement(area_id=area.id, area_path=area.path, issuer=issuer, to_organisations=bool(organisation_ids), **fields)
    session.add(row)
    await session.flush()
    session.add(AnnouncementTally(announcement_id=row.id))
    await _address(session, row, organisation_ids)
    await _set_photos(session, principal, row, upload_ids)
    _record(session, "announcement.create", row, organisations=len(organisation_ids))
    return row


async def update(
    session: AsyncSession, *, principal: Principal, announcement_id: UUID, seen: int | None, fields: Mapping[str, Any],
    area_id: UUID | None, organisation_ids: Sequence[UUID] | None, upload_ids: Sequence[UUID] | None,
) -> Announcement:
    """Changes what is given; None leaves it. What is out can only be pinned.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition, and as `create`.
    """
    row = await queries.access_managed(session, principal=principal, announcement_id=announcement_id)
    expect_version(seen, row.version)
    apart = {"area_id": area_id, "organisation_ids": organisation_ids, "upload_ids": upload_ids}
    given = sorted([*fields, *(name for name, value in apart.items() if value is not None)])
    workflow.require(workflow.status(row, await queries.now(session)), workflow.change(given))
    for name, value in fields.items():
        setattr(row, name, value)
    if area_id is not None or organisation_ids is not None:
        await _readdress(session, principal, row, area_id, organisation_ids)
    row.version += 1
    session.add(row)
    await session.flush()
    if upload_ids is not None:
        await _set_photos(session, principal, row, upload_ids)
    _record(session, "announcement.update", row, fields=given)
    return row


async def publish(
    session: AsyncSession, *, principal: Principal, announcement_id: UUID, seen: int | None, at: datetime | None
) -> Announcement:
    """Puts it out, now or `at` an instant to come, which can be set anew until then; a job tells the people.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition, ValidationFailed for an instant that has passed.
    """
    row = await queries.access_managed(session, principal=principal, announcement_id=announcement_id)
    expect_version(seen, row.version)
    now = await queries.now(session)
    workflow.require(workflow.status(row, now), "publish")
    if at is not None and at <= now:
        raise ValidationFailed.of("body", "publish_at", msg="定时发布的时间应晚于现在", kind="publish_at")
    row.publish_at = at or now
    row.place = workflow.place(row.publish_at)
    row.version += 1
    session.add(row)
    _record(session, "announcement.publish", row, scheduled=at is not None)
    await session.flush()
    if at is None:
        await enqueue(session, row.id)
    return row


async def withdraw(session: AsyncSession, *, principal: Principal, announcement_id: UUID, seen: int | None) -> Announcement:
    """Takes it back for good, a draft too: nobody reads it any more, and whoever was not told is not told.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition.
    """
    row = await queries.access_managed(session, principal=principal, announcement_id=announcement_id)
    expect_version(seen, row.version)
    now = await queries.now(session)
    workflow.require(workflow.status(row, now), "withdraw")
    row.withdrawn_at = now
    row.version += 1
    session.add(row)
    _record(session, "announcement.withdraw", row)
    await session.flush()
    return row


async def read(session: AsyncSession, *, principal: Principal, announcement_id: UUID) -> Announcement:
    """One for whoever may see it; of those whom it is for, the first look is counted. No trail says who looked. Raises NotFound."""
    row, mine = await queries.access(session, principal=principal, announcement_id=announcement_id)
    if not mine or workflow.past(row, clock.now()):
        return row
    opened = await session.exec(
        insert(AnnouncementReceipt)
        .values(announcement_id=row.id, member_id=principal.account_id, read_at=sa.func.clock_timestamp())
        .on_conflict_do_update(
            index_elements=["announcement_id", "member_id"], set_={"read_at": sa.func.clock_timestamp()},
            where=col(AnnouncementReceipt.read_at).is_(None),
        )
        .returning(col(AnnouncementReceipt.member_id))
    )
    if opened.first() is not None:
        await _count(session, row.id, reads=1)
    return row


async def enqueue(session: AsyncSession, announcement_id: UUID) -> None:
    """The job that tells its people; one at a time, behind what single people wait for."""
    key = f"announcement.deliver:{announcement_id}"
    await jobs_service.enqueue(session, "announcement.deliver", {"announcement_id": str(announcement_id)}, key=key, priority=Priority.BULK)


async def tell(session: AsyncSession, *, announcement_id: UUID, after: UUID | None) -> UUID | None:
    """Puts the message into the inboxes of the next people by id; returns the last of them, None when nobody is left or it is not out.

    Who was told before, or has read it without that, gets none. Holds the announcement, so that its withdrawal comes before this batch or
    after it.
    """
    found = await session.exec(
        sa.select(Announcement)
        .where(col(Announcement.id) == announcement_id, queries.LIVE, col(Announcement.delivered_at).is_(None))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    row: Announcement | None = found.scalars().first()
    if row is None:
        return None
    people = await queries_audience.audience(session, row, after=after, limit=BATCH)
    if not people:
        return None
    told = await _note_told(session, row.id, people)
    title, body = workflow.message(row)
    for member_id in sorted(one for one, read_at in told.items() if read_at is None):
        await messages_service.send(
            session, member_id=member_id, category="system", title=title, body=body, path=f"{workflow.PAGE}?id={row.id}",
            reference=("announcement", row.id, None), moment="announcement",
        )
    if told:
        await _count(session, row.id, told=len(told))
    return people[-1]


async def finish(session: AsyncSession, *, announcement_id: UUID) -> None:
    """Notes that everybody was told, unless it was withdrawn meanwhile."""
    await session.exec(
        sa.update(Announcement)
        .where(col(Announcement.id) == announcement_id, queries.LIVE, col(Announcement.delivered_at).is_(None))
        .values(delivered_at=sa.func.clock_timestamp())
    )


async def forget_party(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes what would tell that a person belonged to an organisation: that they got or read what was for its people."""
    theirs = sa.select(col(Announcement.id)).where(col(Announcement.to_organisations))
    await session.exec(
        sa.delete(AnnouncementReceipt).where(
            col(AnnouncementReceipt.member_id) == member_id, col(AnnouncementReceipt.announcement_id).in_(theirs)
        )
    )


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Deletes what a person was told of and has read; the totals stay."""
    await session.exec(sa.delete(AnnouncementReceipt).where(col(AnnouncementReceipt.member_id) == member_id))


async def drop_receipts(session: AsyncSession, *, announcement_id: UUID) -> None:
    """Of one that is long past; the totals stay."""
    await session.exec(sa.delete(AnnouncementReceipt).where(col(AnnouncementReceipt.announcement_id) == announcement_id))


async def _note_told(session: AsyncSession, announcement_id: UUID, people: Sequence[UUID]) -> dict[UUID, datetime | None]:
    """Those of these people who had not been told, and when they have read it all the same."""
    noted = await session.exec(
        insert(AnnouncementReceipt)
        .values([{"announcement_id": announcement_id, "member_id": one, "told_at": sa.func.clock_timestamp()} for one in people])
        .on_conflict_do_update(
            index_elements=["announcement_id", "member_id"], set_={"told_at": sa.func.clock_timestamp()},
            where=col(AnnouncementReceipt.told_at).is_(None),
        )
        .returning(col(AnnouncementReceipt.member_id), col(AnnouncementReceipt.read_at))
    )
    return {row.member_id: row.read_at for row in noted.all()}


async def _count(session: AsyncSession, announcement_id: UUID, *, told: int = 0, reads: int = 0) -> None:
    await session.exec(
        sa.update(AnnouncementTally)
        .where(col(AnnouncementTally.announcement_id) == announcement_id)
        .values(told=AnnouncementTally.told + told, reads=AnnouncementTally.reads + reads)
    )


async def _issuer(session: AsyncSession, principal: Principal, area_path: str, organisation_ids: Collection[UUID]) -> Issuer:
    """Raises NotFound for an unknown organisation, Forbidden."""
    organisations = await organisations_queries.by_ids(session, organisation_ids)
    if len(organisations) != len(organisation_ids):
        raise NotFound("没有找到所选的党组织")
    return workflow.issuer(principal, area_path, organisations.values())


async def _readdress(
    session: AsyncSession, principal: Principal, row: Announcement, area_id: UUID | None, organisation_ids: Sequence[UUID] | None
) -> None:
    if area_id is not None:
        area = await areas_queries.get(session, area_id)
        row.area_id, row.area_path = area.id, area.path
    if organisation_ids is None:
        organisation_ids = (await queries.organisations_of(session, [row.id])).get(row.id, [])
    row.issuer = await _issuer(session, principal, row.area_path, organisation_ids)
    row.to_organisations = bool(organisation_ids)
    await session.exec(sa.delete(AnnouncementOrganisation).where(col(AnnouncementOrganisation.announcement_id) == row.id))
    await _address(session, row, organisation_ids)


async def _address(session: AsyncSession, row: Announcement, organisation_ids: Sequence[UUID]) -> None:
    session.add_all(AnnouncementOrganisation(announcement_id=row.id, organisation_id=one) for one in sorted(organisation_ids))
    await session.flush()


async def _set_photos(session: AsyncSession, principal: Principal, row: Announcement, upload_ids: Sequence[UUID]) -> None:
    """Who publishes answers for what the photos show: nobody else would look at those that WeChat leaves to people."""
    await uploads_service.arrange(session, upload_ids=upload_ids, member_id=principal.account_id, kind=PHOTOS, owner_id=row.id)
    await uploads_service.vouch(session, upload_ids=upload_ids, without_check=principal.kind is AccountKind.CONSOLE)


def _record(session: AsyncSession, action: str, row: Announcement, **facts: Any) -> None:
    audit_service.record(
        session, action, object_kind="announcement", object_id=row.id, area_path=row.area_path, issuer=row.issuer.value, **facts
    )
