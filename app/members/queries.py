"""Every SELECT of members. Names are unsealed here, for callers whose own rules have let them ask.

Work relations stand in `queries_work`, consents in `queries_consents`; both are offered here too.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.members import masking
from app.members.models import Consent, Employment, Member, Purpose
from app.members.queries_consents import (
    consent_history,
    consent_out,
    consent_text,
    consent_text_out,
    consent_texts,
    has_consent,
    last_consent,
    purposes_in_force,
    read_said,
    said_by,
)
from app.members.queries_naming import COLUMNS
from app.members.queries_work import access_own_work, employed_by, employed_during, employments, work_out, work_relations
from app.schemas import Occupation
from app.security import sealing

__all__ = [
    "Person", "access_own_work", "agreeing", "alias_for_clerk", "aliases", "area_of", "by_ids", "consent_history", "consent_out",
    "consent_text", "consent_text_out", "consent_texts", "employed_by", "employed_during", "employments", "export", "get", "has_consent",
    "last_consent", "lock", "masked_name", "name_of", "opened", "person", "purposes_in_force", "read_said", "real_name", "said_by",
    "work_out", "work_relations", "works_at",
]

TABLE = "member"


@dataclass(frozen=True, slots=True)
class Person:
    """What others may be told of a member, each thing by rules of its own."""

    id: UUID
    real_name_sealed: bytes | None = field(repr=False)
    occupation: Occupation | None
    area_id: UUID | None
    area_path: str | None
    erased_at: datetime | None


async def get(session: AsyncSession, *, member_id: UUID) -> Member | None:
    """The caller's own row; None until something was written about the person."""
    return await session.get(Member, member_id)


async def lock(session: AsyncSession, *, member_id: UUID) -> Member:
    """The row, locked and fresh; `service.ensure` has made it."""
    found = await session.exec(
        sa.select(Member).where(col(Member.id) == member_id).with_for_update().execution_options(populate_existing=True)
    )
    member: Member = found.scalars().one()
    return member


async def area_of(session: AsyncSession, *, member_id: UUID) -> tuple[UUID, str] | None:
    """Id and path of the area where a member works; without one the oldest tenant's root, None while there are no areas."""
    row = await person(session, member_id=member_id)
    if row is not None and row.area_id is not None and row.area_path is not None:
        return row.area_id, row.area_path
    root = await areas_queries.root(session)
    return (root.id, root.path) if root else None


async def aliases(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """What others call each of these people: never a name that they gave."""
    if not ids:
        return {}
    erased = {one.id for one in (await by_ids(session, ids)).values() if one.erased_at is not None}
    return {member_id: masking.ERASED if member_id in erased else masking.alias(member_id) for member_id in ids}


async def alias_for_clerk(session: AsyncSession, *, member_id: UUID) -> str:
    """The alias and the last two digits of the phone, so that a clerk can ask the person for them."""
    alias = (await aliases(session, [member_id]))[member_id]
    phone = await auth_queries.masked_phone(session, account_id=member_id)
    return f"{alias}（尾号{phone[-2:]}）" if phone else alias


async def real_name(session: AsyncSession, *, member_id: UUID) -> str | None:
    return name_of(session, await person(session, member_id=member_id))


async def person(session: AsyncSession, *, member_id: UUID) -> Member | Person | None:
    """Somebody whom the caller has met in a thing; a row that the session has read already is not asked for again."""
    read: Member | None = session.sync_session.identity_map.get(sa.orm.util.identity_key(Member, member_id))
    return read or (await by_ids(session, [member_id])).get(member_id)


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Person]:
    """The people of these ids about whom something was written, as others may know them. The ids come from what the caller sees."""
    if not ids:
        return {}
    people = sa.func.members_named(sa.cast(sorted(set(ids)), ARRAY(sa.Uuid))).table_valued(*COLUMNS).render_derived()
    found = await session.exec(sa.select(*people.c))
    return {row[0]: Person(row[0], row[1], Occupation(row[2]) if row[2] else None, *row[3:]) for row in found.all()}


async def agreeing(session: AsyncSession, ids: Collection[UUID], *, purpose: Purpose) -> dict[UUID, str | None]:
    """Those of these people whose consent to be named in public is in force, with the name that they gave."""
    if not ids:
        return {}
    asked = sa.func.members_agreeing(sa.cast(sorted(set(ids)), ARRAY(sa.Uuid)), sa.cast(purpose.value, sa.Text))
    people = asked.table_valued(COLUMNS[0], COLUMNS[1]).render_derived()
    found = await session.exec(sa.select(people.c.id, people.c.real_name_sealed))
    return {one: sealing.unseal(session, name, table=TABLE, column="real_name", row=one) if name else None for one, name in found.all()}


def works_at(member_id: Any) -> sa.ColumnElement[str | None]:
    """Where a member of a row works, null who has not said, as part of another statement; also for who must not see the member."""
    return sa.func.member_area(member_id, type_=sa.Text)


def name_of(session: AsyncSession, member: Member | Person | None) -> str | None:
    """The real name of a row at hand."""
    return _opened(session, member, "real_name") if member else None


async def called(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """What colleagues call each of these people: by the real name, by the alias where none was given."""
    others = await aliases(session, ids)
    people = await by_ids(session, ids)
    return {one: name_of(session, people.get(one)) or alias for one, alias in others.items()}


async def masked_name(session: AsyncSession, *, member_id: UUID) -> str | None:
    """张*, 欧阳*; None for a person who gave no name."""
    name = await real_name(session, member_id=member_id)
    return masking.mask_name(name) if name else None


def opened(session: AsyncSession, sealed: bytes | None, *, column: str, member_id: UUID) -> str | None:
    """A name of a row at hand: the nickname is for the person alone."""
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column=column, row=member_id)


def _opened(session: AsyncSession, member: Member | Person, column: str) -> str | None:
    return opened(session, getattr(member, f"{column}_sealed"), column=column, member_id=member.id)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """Profile, work relations, and every consent with version and time, for the copy of one's data."""
    member = await get(session, member_id=member_id)
    if member is None:
        return {"profile": None, "employers": [], "consents": []}
    relations = await session.exec(sa.select(Employment).where(col(Employment.member_id) == member_id).order_by(col(Employment.id)))
    said = await session.exec(
        sa.select(Consent).where(col(Consent.member_id) == member_id).order_by(col(Consent.created_at), col(Consent.id))
    )
    areas = await areas_queries.by_ids(session, [member.area_id] if member.area_id else [])
    return {
        "profile": {
            "real_name": _opened(session, member, "real_name"), "nickname": _opened(session, member, "nickname"),
            "occupation": member.occupation.value if member.occupation else None,
            "area": areas[member.area_id].name if member.area_id else None, "since": member.created_at.isoformat(),
        },
        "employers": [
            {
                "enterprise_id": str(relation.enterprise_id) if relation.enterprise_id else None, "name": relation.name,
                "since": relation.since.isoformat() if relation.since else None,
                "until": relation.until.isoformat() if relation.until else None,
            }
            for relation in relations.scalars().all()
        ],
        "consents": [
            {
                "purpose": consent.purpose.value, "version": consent.version, "granted": consent.granted,
                "at": consent.created_at.isoformat(),
            }
            for consent in said.scalars().all()
        ],
    }
