"""Profiles and phones; and what an erasure leaves of a member."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock, errors
from app.areas.models import Area
from app.audit import service as audit_service
from app.auth import service as auth_service
from app.db.session import AsyncSession
from app.members import queries
from app.members.models import Employment, Member
from app.schemas import Occupation
from app.security import sealing


async def ensure(session: AsyncSession, *, member_id: UUID) -> None:
    """Makes the member row of an account, if there is none yet."""
    await session.exec(insert(Member).values(id=member_id, version=1).on_conflict_do_nothing(index_elements=["id"]))


async def locked(session: AsyncSession, *, member_id: UUID) -> Member:
    """The member row, made if there is none, locked until the transaction ends."""
    await ensure(session, member_id=member_id)
    return await queries.lock(session, member_id=member_id)


async def set_profile(
    session: AsyncSession, *, member_id: UUID, real_name: str | None = None, occupation: Occupation | str | None = None,
    area: Area | None = None,
) -> Member:
    """Writes what is given, leaves what is None."""
    member = await locked(session, member_id=member_id)
    changed = []
    if real_name is not None:
        member.real_name_sealed = _sealed(session, real_name, "real_name", member_id)
        changed.append("real_name")
    if occupation is not None:
        member.occupation = Occupation(occupation)
        changed.append("occupation")
    if area is not None:
        member.area_id, member.area_path = area.id, area.path
        changed.append("area")
    return await _save(session, member, changed)


async def edit(session: AsyncSession, *, member_id: UUID, changes: dict[str, Any], seen: int | None) -> Member:
    """The person's own correction: `changes` may hold `nickname` and `occupation`, None empties them. Raises VersionMismatch."""
    member = await locked(session, member_id=member_id)
    errors.expect_version(seen, member.version)
    if "nickname" in changes:
        nickname = changes["nickname"]
        member.nickname_sealed = _sealed(session, nickname, "nickname", member_id) if nickname else None
    if "occupation" in changes:
        member.occupation = changes["occupation"]
    return await _save(session, member, sorted(changes))


async def _save(session: AsyncSession, member: Member, changed: list[str]) -> Member:
    if changed:
        member.version += 1
        session.add(member)
        audit_service.record(
            session, "members.edit", object_kind="member", object_id=member.id, area_path=member.area_path, fields=changed
        )
        await session.flush()
    return member


def _sealed(session: AsyncSession, value: str, column: str, member_id: UUID) -> bytes:
    return sealing.seal(session, value, table=queries.TABLE, column=column, row=member_id)


async def bind_phone(session: AsyncSession, *, member_id: UUID, phone: str) -> None:
    """Binds the number that WeChat vouched for; roles that wait for it become the account's. Raises AlreadyExists for someone else's."""
    await ensure(session, member_id=member_id)
    await auth_service.bind_phone(session, account_id=member_id, phone=phone)


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Empties the profile and deletes the work relations; the consents stay as proof, the id leads to nobody."""
    member = await locked(session, member_id=member_id)
    member.real_name_sealed = member.nickname_sealed = member.occupation = member.area_id = member.area_path = None
    member.erased_at = member.erased_at or clock.now()
    session.add(member)
    await session.exec(sa.delete(Employment).where(col(Employment.member_id) == member_id))
    await session.flush()
