"""Every SELECT of photos."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import NotFound
from app.uploads import links, ports, taken_sealed, workflow
from app.uploads.models import Checked, Upload

CLOCK = sa.func.clock_timestamp()
SIZES = {
    "view": col(Upload.image_key), "medium": sa.func.coalesce(col(Upload.medium_key), col(Upload.image_key)),
    "thumb": col(Upload.thumb_key),
}
# Every column that names an object of the store.
KEYS = ("image_key", "medium_key", "thumb_key", "original_key")


@dataclass(frozen=True, slots=True)
class Object:
    """Where the bytes of an answer lie, and for how many seconds a phone may keep them."""

    key: str
    content_type: str
    max_age: int


@dataclass(frozen=True, slots=True)
class Original:
    """The file as it was sent, and the thing for whose sake it is shown."""

    object: Object
    owner_kind: str
    owner_id: UUID


async def get(session: AsyncSession, upload_id: UUID) -> Upload | None:
    """The row as it is now; an erased photo has none for its readers."""
    found = await session.exec(
        sa.select(Upload).where(col(Upload.id) == upload_id, col(Upload.erased_at).is_(None)).execution_options(populate_existing=True)
    )
    upload: Upload | None = found.scalars().first()
    return upload


async def access(session: AsyncSession, *, principal: Principal, upload_id: UUID) -> Object:
    """The image for whoever uploaded it and for those who may see what it is attached to. Raises NotFound."""
    upload = await get(session, upload_id)
    if upload is None or upload.image_key is None:
        raise NotFound
    if upload.member_id != principal.account_id and not _everybodys(upload):
        if upload.kind is None or upload.owner_id is None:
            raise NotFound
        state = {"passed": upload.checked is Checked.PASS, "risky": upload.checked is Checked.RISKY}
        if not await ports.may_see(session, principal=principal, kind=upload.kind, owner_id=upload.owner_id, **state):
            raise NotFound
    return Object(upload.image_key, upload.content_type, 0)


def _everybodys(upload: Upload) -> bool:
    return upload.kind is not None and ports.is_shown_to_all(upload.kind) and upload.checked is Checked.PASS


async def access_original(session: AsyncSession, *, principal: Principal, upload_id: UUID) -> Original:
    """The file as it was sent, for those who handle what it is attached to. Its sender has it already. Raises NotFound."""
    upload = await get(session, upload_id)
    if upload is None or upload.original_key is None or upload.kind is None or upload.owner_id is None:
        raise NotFound
    if not await ports.may_see_original(session, principal=principal, kind=upload.kind, owner_id=upload.owner_id):
        raise NotFound
    assert upload.original_type is not None  # the two are written together
    return Original(Object(upload.original_key, upload.original_type, 0), upload.kind, upload.owner_id)


async def access_signed(session: AsyncSession, *, upload_id: UUID, variant: links.Variant, expires: str, signature: str) -> Object:
    """The object of a signed link. Raises NotFound when the link is forged or dead: both tell a stranger nothing."""
    dies_at = links.expiry(session, upload_id, variant, expires=expires, signature=signature)
    await acting.as_service(session, Reason.LINK)
    left = dies_at - sa.func.extract("epoch", CLOCK)
    found = await session.exec(
        sa.select(SIZES[variant], col(Upload.content_type), sa.func.floor(left)).where(
            col(Upload.id) == upload_id, col(Upload.erased_at).is_(None), left > 0
        )
    )
    row = found.first()
    if row is None:
        raise NotFound("照片链接已失效，请刷新页面")
    return Object(row[0], row[1], int(row[2]))


async def photos(session: AsyncSession, owner_ids: Collection[UUID]) -> dict[UUID, list[Upload]]:
    """The photos of things, in the order in which each attaching named them. `checked` says whether strangers may see one (`pass`)."""
    if not owner_ids:
        return {}
    found = await session.exec(
        sa.select(Upload)
        .where(col(Upload.owner_id).in_(set(owner_ids)), col(Upload.erased_at).is_(None))
        .order_by(col(Upload.owner_id), col(Upload.kind), col(Upload.attached_at), col(Upload.position))
        .execution_options(populate_existing=True)
    )
    shown: dict[UUID, list[Upload]] = {}
    for upload in found.scalars().all():
        shown.setdefault(upload.owner_id, []).append(upload)
    return shown


async def locked_together(
    session: AsyncSession, upload_ids: Collection[UUID], *, member_id: UUID, kind: str, owner_id: UUID
) -> dict[UUID, Upload]:
    """The photos of one kind on a thing, whoever sent them, and a member's own among these ids; locked as `locked` does."""
    there = sa.and_(col(Upload.owner_id) == owner_id, col(Upload.kind) == kind)
    own = sa.and_(col(Upload.id).in_(upload_ids), col(Upload.member_id) == member_id)
    found = await session.exec(
        sa.select(Upload)
        .where(sa.or_(there, own), col(Upload.erased_at).is_(None))
        .order_by(col(Upload.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {upload.id: upload for upload in found.scalars().all()}


async def locked(session: AsyncSession, upload_ids: Collection[UUID], *, member_id: UUID) -> dict[UUID, Upload]:
    """A member's own photos among these ids, locked in the order of their ids and fresh."""
    found = await session.exec(
        sa.select(Upload)
        .where(col(Upload.id).in_(upload_ids), col(Upload.member_id) == member_id, col(Upload.erased_at).is_(None))
        .order_by(col(Upload.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {upload.id: upload for upload in found.scalars().all()}


async def by_trace(session: AsyncSession, *, trace_id: str) -> Upload | None:
    """The photo of a check, locked."""
    found = await session.exec(
        sa.select(Upload).where(col(Upload.trace_id) == trace_id).with_for_update().execution_options(populate_existing=True)
    )
    upload: Upload | None = found.scalars().first()
    return upload


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Upload]:
    """The photos of these ids; unknown and erased ones are left out."""
    if not ids:
        return {}
    found = await session.exec(sa.select(Upload).where(col(Upload.id).in_(set(ids)), col(Upload.erased_at).is_(None)))
    return {upload.id: upload for upload in found.scalars().all()}


async def waits_for_less_than(session: AsyncSession, upload_id: UUID, age: timedelta) -> bool:
    found = await session.exec(sa.select(sa.literal(1)).where(col(Upload.id) == upload_id, col(Upload.attached_at) > CLOCK - age))
    return found.first() is not None


async def overdue(session: AsyncSession, *, age: timedelta, limit: int) -> Sequence[UUID]:
    """Photos of things that have waited longer than `age` for their verdict, locked; those that another worker holds are left to it."""
    late = CLOCK - age
    found = await session.exec(
        sa.select(col(Upload.id))
        .where(col(Upload.checked) == Checked.PENDING, col(Upload.created_at) < late, col(Upload.attached_at) < late)
        .order_by(col(Upload.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids: Sequence[UUID] = found.scalars().all()
    return ids


async def idle(session: AsyncSession, *, age: timedelta, limit: int) -> Sequence[Upload]:
    """Photos that for longer than `age` nothing was made of, locked; those that somebody is attaching just now are left out."""
    found = await session.exec(
        sa.select(Upload)
        .where(col(Upload.owner_id).is_(None), col(Upload.erased_at).is_(None), col(Upload.created_at) < CLOCK - age)
        .order_by(col(Upload.created_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    uploads: Sequence[Upload] = found.scalars().all()
    return uploads


async def erasable(session: AsyncSession, *, member_id: UUID) -> Sequence[Upload]:
    """A person's photos but for those that the person made as an official's proof, locked in the order of their ids."""
    found = await session.exec(
        sa.select(Upload)
        .where(
            col(Upload.member_id) == member_id, col(Upload.erased_at).is_(None),
            sa.or_(col(Upload.kind).is_(None), col(Upload.kind).not_in(workflow.OFFICIAL_KINDS)),
        )
        .order_by(col(Upload.id))
        .with_for_update()
    )
    uploads: Sequence[Upload] = found.scalars().all()
    return uploads


async def of_things(session: AsyncSession, *, owner_ids: Collection[UUID], having: sa.ColumnElement[bool]) -> Sequence[Upload]:
    """Photos of these things, of which something is still kept, locked in the order of their ids."""
    found = await session.exec(
        sa.select(Upload)
        .where(col(Upload.owner_id).in_(owner_ids), col(Upload.erased_at).is_(None), having)
        .order_by(col(Upload.id))
        .with_for_update()
    )
    uploads: Sequence[Upload] = found.scalars().all()
    return uploads


async def now(session: AsyncSession) -> datetime:
    """The database's clock."""
    instant: datetime = (await session.exec(sa.select(CLOCK))).scalar_one()
    return instant


async def without_row(session: AsyncSession, keys: Collection[str]) -> set[str]:
    """Of these keys of the store, those that no photo has."""
    columns = [sa.inspect(Upload).columns[name] for name in KEYS]
    found = await session.exec(sa.union_all(*(sa.select(column).where(column.in_(keys)) for column in columns)))
    return set(keys) - set(found.scalars().all())


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What a person has uploaded, with the addresses that open it for them, as JSON."""
    found = await session.exec(
        sa.select(Upload).where(col(Upload.member_id) == member_id, col(Upload.erased_at).is_(None)).order_by(col(Upload.id))
    )
    return {"uploads": [_exported(session, one) for one in found.scalars().all()]}


def _exported(session: AsyncSession, upload: Upload) -> dict[str, Any]:
    said = taken_sealed.of(session, upload)
    return {
        "id": str(upload.id), "at": upload.created_at.isoformat(), "attached_to": upload.kind, "width": upload.width,
        "height": upload.height, "size_bytes": upload.size_bytes, "checked": upload.checked.value,
        "taken_at": said.at and said.at.isoformat(), "place": said.place and {"lng": said.place[0], "lat": said.place[1], "crs": "gcj02"},
        "original_kept": upload.original_key is not None, "url": links.url(session, upload.id),
    }
