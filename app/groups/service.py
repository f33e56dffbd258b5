"""Every change of the register of groups."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Level
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth.principal import AccountKind, AccountStatus, Principal
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, Forbidden, ValidationFailed, expect_version
from app.groups import queries, workflow
from app.groups.models import GroupChat
from app.uploads import service as uploads_service

PHOTO = "group"  # what the code for joining is attached to
TAKEN = "该社区已有同名的群"


async def create(
    session: AsyncSession, *, principal: Principal, area_id: UUID, upload_ids: Sequence[UUID], fields: Mapping[str, Any]
) -> GroupChat:
    """Enters a group. Raises NotFound for an unknown area or photo, Forbidden for an area that the caller does not look after,
    ValidationFailed for one that is no community or a keeper who is nobody, AlreadyExists, and as `uploads.attach`.
    """
    area = await areas_queries.get(session, area_id)
    if not workflow.keeps(principal, area.path):
        raise Forbidden
    if area.level is not Level.COMMUNITY:
        raise ValidationFailed.of("body", "area_id", msg="微信群登记到社区", kind="area_level")
    await _expect_sound(session, fields)
    values = {"active": True, "version": 1} | dict(fields)
    values["checked_on"] = values.get("checked_on") or clock.today()
    made = await session.exec(
        insert(GroupChat)
        .values(id=new_id(), area_id=area.id, area_path=area.path, **values)
        .on_conflict_do_nothing(index_elements=["area_id", "name"], index_where=sa.text("active"))
        .returning(GroupChat)
    )
    group: GroupChat | None = made.scalars().first()
    if group is None:
        raise AlreadyExists(TAKEN)
    await _set_photo(session, principal, group, upload_ids)
    _record(session, "group.create", group)
    return group


async def update(
    session: AsyncSession, *, principal: Principal, group_id: UUID, seen: int | None, upload_ids: Sequence[UUID] | None,
    fields: Mapping[str, Any],
) -> GroupChat:
    """Changes what is given; a new number of people was counted today unless a day is given.

    Raises NotFound, Forbidden, VersionMismatch, AlreadyExists for a name that the community has, and as `create`.
    """
    group = await queries.access_kept(session, principal=principal, group_id=group_id)
    expect_version(seen, group.version)
    await _expect_sound(session, fields)
    counted = {"checked_on": clock.today()} if "people" in fields else {}
    for name, value in (counted | dict(fields)).items():
        setattr(group, name, value)
    group.version += 1
    if group.active and await queries.name_taken(session, group):
        raise AlreadyExists(TAKEN)
    session.add(group)
    await session.flush()
    if upload_ids is not None:
        await _set_photo(session, principal, group, upload_ids)
    _record(session, "group.update", group, fields=sorted([*fields, *([] if upload_ids is None else ["upload_ids"])]))
    return group


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """A group stays when the person who looked after it is erased."""
    await session.exec(sa.update(GroupChat).where(col(GroupChat.keeper_id) == member_id).values(keeper_id=None))


async def _expect_sound(session: AsyncSession, fields: Mapping[str, Any]) -> None:
    """Raises ValidationFailed for a count of a day to come, and for a keeper who is not there."""
    counted_on, keeper_id = fields.get("checked_on"), fields.get("keeper_id")
    if counted_on is not None and counted_on > clock.today():
        raise ValidationFailed.of("body", "checked_on", msg="清点日期不能晚于今天", kind="checked_on")
    if keeper_id is None:
        return
    account = (await auth_queries.named(session, [keeper_id])).get(keeper_id)
    if account is None or account.status is not AccountStatus.ACTIVE:
        raise ValidationFailed.of("body", "keeper_id", msg="没有这个账号", kind="keeper")


async def _set_photo(session: AsyncSession, principal: Principal, group: GroupChat, upload_ids: Sequence[UUID]) -> None:
    """Whoever enters it answers for what it shows: nobody else would look at what WeChat leaves to people."""
    await uploads_service.arrange(session, upload_ids=upload_ids, member_id=principal.account_id, kind=PHOTO, owner_id=group.id)
    await uploads_service.vouch(session, upload_ids=upload_ids, without_check=principal.kind is AccountKind.CONSOLE)


def _record(session: AsyncSession, action: str, group: GroupChat, **facts: Any) -> None:
    audit_service.record(
        session, action, object_kind="group", object_id=group.id, area_path=group.area_path, people=group.people, active=group.active,
        **facts,
    )
