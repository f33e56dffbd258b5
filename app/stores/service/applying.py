"""Every change of an application to become a store. An approval makes the store and its owner in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.areas import queries as areas_queries
from app.areas.schemas import Place
from app.audit import service as audit_service
from app.auth import service as auth_service
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db import acting
from app.db.acting import Reason
from app.db.base import new_id
from app.db.numbers import next_number
from app.db.session import AsyncSession
from app.errors import AlreadyExists, ValidationFailed, expect_version
from app.members import workflow as members_workflow
from app.security import sealing
from app.stores import queries_applications, workflow_applications
from app.stores.models import Store
from app.stores.models_applications import DETAILS, IS_OPEN, Status, StoreApplication, StoreText
from app.stores.service import keeping, notices
from app.uploads import queries as uploads_queries
from app.uploads import service as uploads_service

KIND, STORES = "store_application", "store"  # what photos are attached to
COPIED = ("name", "address", "hours", "category")


async def apply(
    session: AsyncSession, *, principal: Principal, area_id: UUID, location: Place, upload_ids: Sequence[UUID], fields: Mapping[str, Any]
) -> StoreApplication:
    """Takes an application in. Raises Forbidden for console accounts, NotFound, AlreadyExists while one is open, as `uploads.attach`."""
    members_workflow.require_member(principal)
    me, application_id = principal.account_id, new_id()
    told = _sealed(session, application_id, fields) | await _placed(session, area_id, location)
    made = await session.exec(
        insert(StoreApplication)
        .values(
            id=application_id, applicant_id=me, number=await next_number(session, "A"), status=Status.SUBMITTED, version=1, **told
        )
        .on_conflict_do_nothing(index_elements=["applicant_id"], index_where=IS_OPEN)
        .returning(StoreApplication)
    )
    row: StoreApplication | None = made.scalars().first()
    if row is None:
        raise AlreadyExists("您已有一份正在审核的入驻申请")
    await uploads_service.attach(session, upload_ids=upload_ids, member_id=me, kind=KIND, owner_id=application_id)
    _record(session, row, "store.apply")
    await notices.tell_applicant(session, row)
    await notices.tell_administrators(session, row)
    return row


async def revise(
    session: AsyncSession, *, principal: Principal, application_id: UUID, seen: int | None, area_id: UUID | None, location: Place | None,
    upload_ids: Sequence[UUID] | None, fields: Mapping[str, Any],
) -> StoreApplication:
    """Changes what is given; what was returned is sent in again. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row, ends = await _begin(session, principal, application_id, "update", seen)
    changed = _sealed(session, row.id, fields) | await _placed(session, area_id, location)
    if changed.get("uscc", row.uscc) != row.uscc:
        changed = {"uscc_confirmed": False} | changed
    again, moved = row.status is Status.RETURNED, changed.get("area_id", row.area_id) != row.area_id
    for name, value in changed.items():
        setattr(row, name, value)
    await _end(session, row, ends)
    if upload_ids is not None:
        await uploads_service.replace(
            session, upload_ids=upload_ids, member_id=principal.account_id, kind=KIND, owner_id=row.id
        )
    _record(session, row, "store.revise_application", fields=sorted(changed), again=again)
    if again or moved:
        await notices.tell_administrators(session, row)
    if again:
        await notices.tell_applicant(session, row)
    return row


async def withdraw(session: AsyncSession, *, principal: Principal, application_id: UUID, seen: int | None) -> StoreApplication:
    """The applicant thinks better of it. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    row, ends = await _begin(session, principal, application_id, "withdraw", seen)
    await _end(session, row, ends)
    _record(session, row, "store.withdraw_application")
    await notices.tell_applicant(session, row)
    return row


async def send_back(
    session: AsyncSession, *, principal: Principal, application_id: UUID, seen: int | None, reason: str
) -> StoreApplication:
    """The applicant is to mend it. Raises NotFound, Forbidden (an own one too), VersionMismatch, InvalidTransition."""
    row, ends = await _begin(session, principal, application_id, "return", seen)
    await _decide(session, principal, row, ends, reason)
    _record(session, row, "store.return_application")
    await notices.tell_applicant(session, row)
    return row


async def reject(session: AsyncSession, *, principal: Principal, application_id: UUID, seen: int | None, reason: str) -> StoreApplication:
    """The shop does not become a partner by this application. Raises as `send_back`."""
    row, ends = await _begin(session, principal, application_id, "reject", seen)
    await _decide(session, principal, row, ends, reason)
    _record(session, row, "store.reject_application")
    await notices.tell_applicant(session, row)
    return row


async def approve(
    session: AsyncSession, *, principal: Principal, application_id: UUID, seen: int | None, note: str | None, photo_ids: Sequence[UUID]
) -> StoreApplication:
    """Makes the store as it was told, with the applicant as its owner. Two at once: the second finds it approved.

    Raises as `send_back`; Conflict when the applicant may not be given a role (`auth`), ValidationFailed for another one's photo.
    """
    row, ends = await _begin(session, principal, application_id, "approve", seen)
    place = Place.model_validate({"lng": row.given_lng, "lat": row.given_lat, "crs": row.given_crs})
    fields = {name: getattr(row, name) for name in COPIED} | {"phone": queries_applications.phone(session, row)}
    store = await keeping.create(session, principal=principal, area_id=row.area_id, location=place, fields=fields)
    await _decide(session, principal, row, ends, note, store_id=store.id)
    await _hand_over(session, row, store, photo_ids)
    _record(session, row, "store.approve", store_id=str(store.id))
    await auth_service.grant(
        session, principal=principal, role=Role.STORE_OWNER, scope_type=ScopeType.STORE, scope_id=store.id, account_id=row.applicant_id
    )
    await notices.tell_applicant(session, row)
    return row


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Ends what is open and empties what the person told, and every sentence by or about them. A store that came of it stays."""
    mine = col(StoreApplication.applicant_id) == member_id
    await session.exec(
        sa.update(StoreApplication)
        .where(mine, col(StoreApplication.name).is_not(None))
        .values(
            status=sa.case((IS_OPEN, Status.WITHDRAWN.value), else_=col(StoreApplication.status)),
            version=StoreApplication.version + 1, **dict.fromkeys(DETAILS),
        )
    )
    about = sa.or_(col(StoreText.member_id) == member_id, col(StoreText.author_id) == member_id)
    await session.exec(sa.update(StoreText).where(about).values(text=None, member_id=None))


async def _begin(
    session: AsyncSession, principal: Principal, application_id: UUID, command: str, seen: int | None
) -> tuple[StoreApplication, Status]:
    """Locks it, asks whether the caller may do this now, and says where it leads."""
    row = await queries_applications.access(session, principal=principal, application_id=application_id, lock=True)
    workflow_applications.require_may(principal, row, command)
    expect_version(seen, row.version)
    return row, workflow_applications.after(principal, row, command)


async def _end(session: AsyncSession, row: StoreApplication, status: Status) -> None:
    row.status, row.version = status, row.version + 1
    session.add(row)
    await session.flush()


async def _decide(
    session: AsyncSession, principal: Principal, row: StoreApplication, status: Status, reason: str | None, *, store_id: UUID | None = None
) -> None:
    """Writes the decision at once: half of it, flushed on the way, the table would refuse."""
    decided_at, said = await queries_applications.now(session), None
    if reason is not None:
        said = StoreText(author_id=principal.account_id, member_id=row.applicant_id, text=reason)
        session.add(said)
        await session.flush()
    row.decided_by, row.decided_at, row.reason_id, row.store_id = principal.account_id, decided_at, said.id if said else None, store_id
    await _end(session, row, status)


async def _hand_over(session: AsyncSession, row: StoreApplication, store: Store, photo_ids: Sequence[UUID]) -> None:
    """The photos that the administrator picked become the store's; what else there is, a licence for one, stays for few eyes."""
    if not photo_ids:
        return
    shown = [upload.id for upload in (await uploads_queries.photos(session, [row.id])).get(row.id, ())]
    if not set(photo_ids) <= set(shown):
        raise ValidationFailed.of("body", "photo_ids", msg="照片不属于这份申请", kind="photo")
    kept = [upload_id for upload_id in shown if upload_id not in photo_ids]
    async with acting.serving(session, Reason.PHOTOS):
        await uploads_service.replace(session, upload_ids=kept, member_id=row.applicant_id, kind=KIND, owner_id=row.id)
        await uploads_service.attach(session, upload_ids=photo_ids, member_id=row.applicant_id, kind=STORES, owner_id=store.id)
    await uploads_service.vouch(session, upload_ids=photo_ids, without_check=False)


def _sealed(session: AsyncSession, application_id: UUID, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of these fields: the phone is sealed."""
    columns = dict(fields)
    if "phone" in columns:
        told = columns.pop("phone")
        columns["phone_sealed"] = sealing.seal(session, told, table=queries_applications.TABLE, column="phone", row=application_id)
    return columns


async def _placed(session: AsyncSession, area_id: UUID | None, location: Place | None) -> dict[str, Any]:
    """The columns of what is given. Raises NotFound for an unknown area."""
    columns: dict[str, Any] = {}
    if area_id is not None:
        area = await areas_queries.get(session, area_id)
        columns |= {"area_id": area.id, "area_path": area.path}
    if location is not None:
        columns |= keeping.placed(location)
    return columns


def _record(session: AsyncSession, row: StoreApplication, action: str, **facts: Any) -> None:
    audit_service.record(session, action, object_kind="store_application", object_id=row.id, area_path=row.area_path, **facts)
