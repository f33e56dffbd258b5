"""Every change of a store and of who works there."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.schemas import Place
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant
from app.auth.principal import AccountKind, Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound, RateLimited, ValidationFailed, expect_version
from app.sms import service as sms_service
from app.sms.models import SmsTemplate
from app.stores import queries, workflow, workflow_hours
from app.stores.models import Store
from app.stores.models_days import StoreSpecialDay
from app.stores.schemas import SpecialDay
from app.uploads import service as uploads_service

PHOTOS = "store"  # what photos are attached to

async def create(
    session: AsyncSession, *, principal: Principal, area_id: UUID, location: Place, fields: Mapping[str, Any],
    upload_ids: Sequence[UUID] = (), special_days: Sequence[SpecialDay] = (),
) -> Store:
    """Adds a store and its scope. Raises NotFound for an unknown area, Forbidden for one that the caller does not administer, and as
    `uploads.attach`.
    """
    area = await areas_queries.get(session, area_id)
    if not principal.covers(area.path, Role.AREA_ADMIN):
        raise Forbidden
    store = Store(area_id=area.id, area_path=area.path, **fields, **placed(location))
    session.add(store)
    await session.flush()
    await _write_scope(session, store)
    await _set_photos(session, principal, store, upload_ids)
    await _set_special_days(session, store, special_days)
    audit_service.record(session, "store.create", object_kind="store", object_id=store.id, area_path=store.area_path)
    return store


async def update(
    session: AsyncSession, *, principal: Principal, store_id: UUID, seen: int | None, location: Place | None, fields: Mapping[str, Any],
    upload_ids: Sequence[UUID] | None = None, special_days: Sequence[SpecialDay] | None = None,
) -> Store:
    """Changes what is given; None leaves it. Raises NotFound, Forbidden (its owner may not change all of it), VersionMismatch,
    ValidationFailed, and as `uploads.attach`.
    """
    apart = {"location": location, "upload_ids": upload_ids, "special_days": special_days}
    given = sorted([*fields, *(name for name, value in apart.items() if value is not None)])
    store = await queries.access_changed(session, principal=principal, store_id=store_id, fields=given)
    expect_version(seen, store.version)
    for name, value in (_paused(store, fields) | ({} if location is None else placed(location))).items():
        setattr(store, name, value)
    store.version += 1
    session.add(store)
    await session.flush()
    if "name" in fields:
        await _write_scope(session, store)
    if upload_ids is not None:
        await _set_photos(session, principal, store, upload_ids)
    if special_days is not None:
        await _set_special_days(session, store, special_days)
    audit_service.record(session, "store.update", object_kind="store", object_id=store.id, area_path=store.area_path, fields=given)
    return store


def _paused(store: Store, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with what a pause brings along: its last day and its note end with it, and a new one does not inherit them."""
    changed, today = dict(fields), clock.today()
    was = workflow_hours.is_paused(store.paused, store.paused_until, today)
    will = changed.get("paused", was)
    until = changed.get("paused_until")
    if not will and (until or changed.get("pause_note")):
        raise ValidationFailed.of("body", "paused", msg="只有暂停营业时才能填写截止日和说明", kind="paused")
    if until is not None and until < today:
        raise ValidationFailed.of("body", "paused_until", msg="暂停截止日不能早于今天", kind="paused_until")
    if not was or not will:
        changed = {"paused_until": None, "pause_note": None} | changed
    if not will:
        changed |= {"paused": False, "paused_until": None, "pause_note": None}
    return changed


async def _set_photos(session: AsyncSession, principal: Principal, store: Store, upload_ids: Sequence[UUID]) -> None:
    """An administrator answers for what the photos show: nobody else would look at those that WeChat leaves to people."""
    await uploads_service.arrange(
        session, upload_ids=upload_ids, member_id=principal.account_id, kind=PHOTOS, owner_id=store.id
    )
    if workflow.administers(principal, store):
        await uploads_service.vouch(session, upload_ids=upload_ids, without_check=principal.kind is AccountKind.CONSOLE)


async def _set_special_days(session: AsyncSession, store: Store, days: Sequence[SpecialDay]) -> None:
    """The whole list; the caller holds the store's lock."""
    await session.exec(sa.delete(StoreSpecialDay).where(col(StoreSpecialDay.store_id) == store.id))
    session.add_all(StoreSpecialDay(store_id=store.id, **day.model_dump(exclude={"closed"})) for day in days)
    await session.flush()


async def add_staff(session: AsyncSession, *, principal: Principal, store: Store, phone: str, role: Role) -> AccessGrant:
    """Gives a role at a store that the caller runs to a number. Raises Forbidden beyond the caller's own right, AlreadyExists.

    A number that no account has yet hears of it by SMS, unless it had one just now: the role waits all the same.
    """
    grant = await auth_service.grant(
        session, principal=principal, role=role, scope_type=ScopeType.STORE, scope_id=store.id, phone=phone
    )
    if grant.account_id is None:
        with contextlib.suppress(RateLimited):
            await sms_service.ask(
                session, phone=phone, template=SmsTemplate.STAFF, about=("access_grant", grant.id), area_path=store.area_path
            )
    return grant


async def remove_staff(session: AsyncSession, *, principal: Principal, store_id: UUID, grant_id: UUID) -> None:
    """Ends a grant at this store at once. Raises NotFound for a grant of elsewhere, Forbidden beyond the caller's own right."""
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    staff = await auth_queries.staff_of(session, scope_type=ScopeType.STORE, scope_id=store.id)
    if grant_id not in {grant.id for grant in staff}:
        raise NotFound
    await auth_service.revoke(session, principal=principal, grant_id=grant_id)


async def _write_scope(session: AsyncSession, store: Store) -> None:
    await auth_service.put_scope(
        session, scope_type=ScopeType.STORE, scope_id=store.id, area_path=store.area_path, name=store.name
    )


def placed(location: Place) -> dict[str, Any]:
    lng, lat = location.gcj02()
    return {"lng": lng, "lat": lat, "given_lng": location.lng, "given_lat": location.lat, "given_crs": location.crs}
