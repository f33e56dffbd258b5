"""Every change of a photo: taken in, attached once, judged, detached, swept, erased."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BitString
from sqlmodel import col

from app.audit import service as audit_service
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import NotFound, ValidationFailed
from app.jobs import service as jobs_service
from app.uploads import attaching, developed, ports, prints, queries, taken_sealed, workflow
from app.uploads.developed import Sent
from app.uploads.errors import UploadAlreadyUsed
from app.uploads.keeping import Kept
from app.uploads.models import Checked, Upload, UploadPrint
from app.uploads.queries import Original

Job = tuple[str, dict[str, Any]]
BATCH = 200
WANTED = "moderation.wanted"
# The database takes along what else the photo told: digest, time and place, prints.
ERASED: dict[str, Any] = {
    "image_key": None, "thumb_key": None, "medium_key": None, "original_key": None, "original_type": None, "label": None, "trace_id": None,
}
UNATTACHED: dict[str, Any] = {"kind": None, "owner_id": None, "position": None, "attached_at": None}


async def create(session: AsyncSession, *, member_id: UUID, kept: Kept) -> Upload:
    """The row of a picture whose objects are in the store already. Nobody but its sender sees it, so nobody is asked about it yet."""
    upload = Upload(
        member_id=member_id, image_key=kept.image_key, thumb_key=kept.thumb_key, medium_key=kept.medium_key,
        content_type=developed.CONTENT_TYPE, width=kept.width, height=kept.height, size_bytes=kept.size_bytes,
    )
    session.add(upload)
    if kept.sent is not None:
        await _note_sent(session, upload, kept.original_key, kept.sent)
    audit_service.record(session, "upload.create", object_kind="upload", object_id=upload.id, size_bytes=kept.size_bytes)
    return upload


async def _note_sent(session: AsyncSession, upload: Upload, original_key: str | None, sent: Sent) -> None:
    """What the file told before it was rebuilt, and what its copies are known by."""
    upload.original_key, upload.original_type, upload.sent_digest = original_key, sent.content_type, sent.digest
    taken_sealed.keep(session, upload, sent.taken)
    if sent.prints is None:
        return
    await session.flush()
    for form, shown in enumerate(sent.prints):
        session.add(UploadPrint(upload_id=upload.id, form=form, hash=BitString.from_int(shown, prints.BITS)))
    await session.flush()


def note_original(session: AsyncSession, *, upload_id: UUID, shown: Original) -> None:
    """Whoever looks at the file as it was sent leaves a trace: it tells more than the photo."""
    audit_service.record(
        session, "upload.original", object_kind="upload", object_id=upload_id, owner_kind=shown.owner_kind, owner_id=str(shown.owner_id)
    )


async def attach(session: AsyncSession, *, upload_ids: Sequence[UUID], member_id: UUID, kind: str, owner_id: UUID) -> None:
    """Makes a member's own photos those of a thing, in the order given; all of them or none.

    Locks the rows in the order of their ids. Raises ValidationFailed for an id given twice, NotFound for one that is unknown, swept or
    someone else's, UploadAlreadyUsed.
    """
    jobs = await attached(session, upload_ids=upload_ids, member_id=member_id, kind=kind, owner_id=owner_id)
    await jobs_service.enqueue_all(session, jobs)


async def attached(session: AsyncSession, *, upload_ids: Sequence[UUID], member_id: UUID, kind: str, owner_id: UUID) -> list[Job]:
    """The same for a caller who has other jobs to enqueue, and enqueues with them those that it returns."""
    _once_each(upload_ids)
    if not upload_ids:
        return []
    photos = await attaching.put(session, upload_ids, member_id=member_id, kind=kind, owner_id=owner_id)
    if not ports.wants_originals(kind):
        await drop_originals(session, owner_ids=[owner_id])
    return _questions(kind, photos)


def _once_each(upload_ids: Sequence[UUID]) -> None:
    if len(set(upload_ids)) != len(upload_ids):
        raise ValidationFailed.of("body", "upload_ids", msg="同一张照片只能提供一次", kind="duplicate")


def _questions(kind: str, photos: Iterable[tuple[UUID, Checked]]) -> list[Job]:
    """Where strangers are to see photos, they are checked first: by WeChat, or by people."""
    if not ports.is_checked(kind):
        return []
    return [
        ("upload.check" if checked is Checked.PENDING else WANTED, {"upload_id": str(upload_id)})
        for upload_id, checked in photos if checked is not Checked.PASS
    ]


async def replace(session: AsyncSession, *, upload_ids: Sequence[UUID], member_id: UUID, kind: str, owner_id: UUID) -> None:
    """Makes these the member's photos of one kind on a thing, in this order: what is left out is detached, what is new attached.

    Locks the rows, old and new, in the order of their ids. Raises as `attach` does.
    """
    before = [upload.id for upload in (await queries.photos(session, [owner_id])).get(owner_id, ()) if upload.kind == kind]
    mine = await queries.locked(session, {*before, *upload_ids}, member_id=member_id)
    for upload_id in before:
        for name, value in UNATTACHED.items():
            setattr(mine[upload_id], name, value)
    await session.flush()
    await attach(session, upload_ids=upload_ids, member_id=member_id, kind=kind, owner_id=owner_id)


async def arrange(session: AsyncSession, *, upload_ids: Sequence[UUID], member_id: UUID, kind: str, owner_id: UUID) -> None:
    """Makes these, in this order, the photos of one kind on a thing that several people look after.

    What is there already may stay, whoever sent it; what is new must be the member's own; what is left out is detached. Locks the rows,
    old and new, in the order of their ids. Raises as `attach` does.
    """
    _once_each(upload_ids)
    held = await queries.locked_together(session, upload_ids, member_id=member_id, kind=kind, owner_id=owner_id)
    if not held.keys() >= set(upload_ids):
        raise NotFound("照片不存在、已过期，或不是您上传的")
    if any(held[upload_id].owner_id not in (None, owner_id) or held[upload_id].kind not in (None, kind) for upload_id in upload_ids):
        raise UploadAlreadyUsed
    for upload in held.values():
        upload.kind, upload.owner_id, upload.position, upload.attached_at = None, None, None, None
    async with acting.serving(session, Reason.PHOTOS):
        await _put(session, [held[upload_id] for upload_id in upload_ids], kind, owner_id)


async def _put(session: AsyncSession, uploads: Sequence[Upload], kind: str, owner_id: UUID) -> None:
    """Makes locked photos those of a thing."""
    now = await queries.now(session)
    for position, upload in enumerate(uploads):
        upload.kind, upload.owner_id, upload.position, upload.attached_at = kind, owner_id, position, now
    await session.flush()
    if not ports.wants_originals(kind):
        await drop_originals(session, owner_ids=[owner_id])
    await jobs_service.enqueue_all(session, _questions(kind, [(upload.id, upload.checked) for upload in uploads]))


async def vouch(session: AsyncSession, *, upload_ids: Sequence[UUID], without_check: bool) -> None:
    """Passes what WeChat left to people, by a person who answers for what these photos show; what is risky stays so.

    `without_check`: nobody will be asked about the photos of this person, who is no member; those that wait pass too.
    """
    waiting = (Checked.REVIEW, Checked.PENDING) if without_check else (Checked.REVIEW,)
    for upload_id in sorted(upload_ids):
        upload = await session.get(Upload, upload_id, with_for_update=True, populate_existing=True)
        if upload is not None and upload.checked in waiting:
            await _decide(session, upload, Checked.PASS, upload.label)


async def detach(session: AsyncSession, *, owner_id: UUID) -> None:
    """Takes all photos from a thing; after a day without another they are swept. The photos' rows are locked."""
    await session.exec(sa.update(Upload).where(col(Upload.owner_id) == owner_id).values(**UNATTACHED))


async def note_check(session: AsyncSession, *, upload_id: UUID, trace_id: str) -> None:
    """Keeps the name under which WeChat will push its verdict. A check that was asked for twice has the later name."""
    await session.exec(
        sa.update(Upload).where(col(Upload.id) == upload_id, col(Upload.erased_at).is_(None)).values(trace_id=trace_id)
    )


async def judge(session: AsyncSession, *, trace_id: str, verdict: Checked, label: str | None) -> bool:
    """Writes WeChat's verdict and tells whoever shows the photo; False when no photo has this trace.

    The first verdict counts, a repeat changes nothing; one that comes after the timer replaces the timer's `review`.
    """
    upload = await queries.by_trace(session, trace_id=trace_id)
    if upload is None:
        return False
    if upload.checked_at is None:
        upload.checked_at = await queries.now(session)
        await _decide(session, upload, verdict, label)
    return True


async def leave_to_people(session: AsyncSession, *, upload_id: UUID) -> None:
    """A photo that WeChat cannot be asked about: nobody's openid to ask under."""
    upload = await session.get(Upload, upload_id, with_for_update=True, populate_existing=True)
    if upload is not None and upload.checked is Checked.PENDING:
        await _decide(session, upload, Checked.REVIEW, None)


async def decide(session: AsyncSession, *, upload_id: UUID, owner_id: UUID, passed: bool) -> bool:
    """A person's word on a photo of this thing; WeChat's changes nothing any more. False when it is no photo of it now."""
    upload = await session.get(Upload, upload_id, with_for_update=True, populate_existing=True)
    if upload is None or upload.erased_at is not None or upload.owner_id != owner_id:
        return False
    upload.checked_at = await queries.now(session)
    await _decide(session, upload, Checked.PASS if passed else Checked.RISKY, upload.label)
    return True


async def end_waiting(session: AsyncSession) -> int:
    """Puts photos without a verdict in time before people; returns how many (at most a batch)."""
    late = await queries.overdue(session, age=workflow.VERDICT_WITHIN, limit=BATCH)
    for upload_id in late:
        await leave_to_people(session, upload_id=upload_id)
    return len(late)


async def _decide(session: AsyncSession, upload: Upload, verdict: Checked, label: str | None) -> None:
    """Writes the state and enqueues `upload.judged`, which the feature that shows the photo takes, and what puts it before people.

    A photo that came into question once is looked at again when it passes: nobody need decide about it any more.
    """
    if verdict is Checked.REVIEW and ports.is_vouched(upload.kind):
        verdict = Checked.PASS
    questioned = verdict is not Checked.PASS or upload.checked is not Checked.PENDING
    upload.checked, upload.label = verdict, label
    session.add(upload)
    audit_service.record(session, "upload.judge", object_kind="upload", object_id=upload.id, verdict=verdict.value, label=label)
    if upload.erased_at is None:
        await jobs_service.enqueue(session, "upload.judged", {"upload_id": str(upload.id)})
        if questioned and upload.kind is not None and ports.is_checked(upload.kind):
            await _want_people(session, upload)


async def _want_people(session: AsyncSession, upload: Upload) -> None:
    await jobs_service.enqueue(session, WANTED, {"upload_id": str(upload.id)})


async def drop_unattached(session: AsyncSession) -> int:
    """Deletes photos that nothing was made of within a day, then, by a job, their objects; returns how many (at most a batch)."""
    idle = await queries.idle(session, age=workflow.UNATTACHED_KEPT, limit=BATCH)
    await session.exec(sa.delete(Upload).where(col(Upload.id).in_([upload.id for upload in idle])))
    await _delete_objects(session, idle)
    return len(idle)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Erases a person's photos; the rows stay, empty. What the person made as an official's proof is the authority's and stays whole."""
    mine = await queries.erasable(session, member_id=member_id)
    await _delete_objects(session, mine)
    await _change(session, mine, **ERASED, erased_at=queries.CLOCK)


async def drop_photos(session: AsyncSession, *, owner_ids: Collection[UUID]) -> int:
    """Erases all photos of things whose time is over, officials' proofs too; returns how many. Asking twice changes nothing."""
    over = await queries.of_things(session, owner_ids=owner_ids, having=sa.true())
    await _delete_objects(session, over)
    await _change(session, over, **ERASED, erased_at=queries.CLOCK)
    return len(over)


async def drop_originals(session: AsyncSession, *, owner_ids: Collection[UUID]) -> int:
    """Takes the files as they were sent away from these things' photos; returns how many. Asking twice changes nothing."""
    over = await queries.of_things(session, owner_ids=owner_ids, having=col(Upload.original_key).is_not(None))
    await _delete(session, [upload.original_key for upload in over])
    await _change(session, over, original_key=None, original_type=None)
    return len(over)


async def forget_taken(session: AsyncSession, *, owner_ids: Collection[UUID]) -> int:
    """Drops when and where these things' photos say that they were taken; returns how many. Asking twice changes nothing.

    The file as it was sent says so too: it has a time of its own.
    """
    over = await queries.of_things(session, owner_ids=owner_ids, having=col(Upload.taken_sealed).is_not(None))
    await _change(session, over, taken_sealed=None)
    return len(over)


async def _change(session: AsyncSession, uploads: Sequence[Upload], **values: Any) -> None:
    await session.exec(sa.update(Upload).where(col(Upload.id).in_([upload.id for upload in uploads])).values(**values))


async def _delete_objects(session: AsyncSession, uploads: Sequence[Upload]) -> None:
    await _delete(session, [getattr(upload, name) for upload in uploads for name in queries.KEYS])


async def _delete(session: AsyncSession, named: Sequence[str | None]) -> None:
    """By jobs, after the commit: an object that is deleted before its row would leave a row that points to nothing."""
    keys = [key for key in named if key is not None]
    for start in range(0, len(keys), BATCH):
        await jobs_service.enqueue(session, "upload.delete_objects", {"keys": keys[start : start + BATCH]})
