"""Every SELECT of members. Names are unsealed here, for callers whose own rules have let them ask."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.members import masking
from app.members.models import Consent, ConsentText, Employment, Member, Purpose
from app.security import sealing

TABLE = "member"


async def get(session: AsyncSession, *, member_id: UUID) -> Member | None:
    """None until something was written about the person."""
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
    found = await session.exec(sa.select(col(Member.area_id), col(Member.area_path)).where(col(Member.id) == member_id))
    row = found.first()
    if row is not None and row[0] is not None:
        return row[0], row[1]
    root = await areas_queries.root(session)
    return (root.id, root.path) if root else None


async def aliases(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    """What others call each of these people: never a name that they gave."""
    if not ids:
        return {}
    found = await session.exec(sa.select(col(Member.id)).where(col(Member.id).in_(set(ids)), col(Member.erased_at).is_not(None)))
    erased = set(found.scalars().all())
    return {member_id: masking.ERASED if member_id in erased else masking.alias(member_id) for member_id in ids}


async def alias_for_clerk(session: AsyncSession, *, member_id: UUID) -> str:
    """The alias and the last two digits of the phone, so that a clerk can ask the person for them."""
    alias = (await aliases(session, [member_id]))[member_id]
    phone = await auth_queries.masked_phone(session, account_id=member_id)
    return f"{alias}（尾号{phone[-2:]}）" if phone else alias


async def real_name(session: AsyncSession, *, member_id: UUID) -> str | None:
    return name_of(session, await get(session, member_id=member_id))


async def by_ids(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, Member]:
    """The people of these ids about whom something was written."""
    found = await session.exec(sa.select(Member).where(col(Member.id).in_(set(ids))))
    return {member.id: member for member in found.scalars().all()}


def name_of(session: AsyncSession, member: Member | None) -> str | None:
    """The real name of a row at hand."""
    return _opened(session, member, "real_name") if member else None


async def masked_name(session: AsyncSession, *, member_id: UUID) -> str | None:
    """张*, 欧阳*; None for a person who gave no name."""
    name = await real_name(session, member_id=member_id)
    return masking.mask_name(name) if name else None


async def nickname(session: AsyncSession, *, member_id: UUID) -> str | None:
    """For the person alone."""
    member = await get(session, member_id=member_id)
    return _opened(session, member, "nickname") if member else None


def _opened(session: AsyncSession, member: Member, column: str) -> str | None:
    sealed: bytes | None = getattr(member, f"{column}_sealed")
    return None if sealed is None else sealing.unseal(session, sealed, table=TABLE, column=column, row=member.id)


async def employments(session: AsyncSession, *, member_id: UUID) -> Sequence[Employment]:
    """The work relations that go on, oldest first."""
    found = await session.exec(
        sa.select(Employment).where(col(Employment.member_id) == member_id, col(Employment.until).is_(None)).order_by(col(Employment.id))
    )
    return found.scalars().all()


async def employed_by(session: AsyncSession, *, enterprise_id: UUID) -> list[UUID]:
    """The members who work for an enterprise now."""
    found = await session.exec(
        sa.select(col(Employment.member_id))
        .where(col(Employment.enterprise_id) == enterprise_id, col(Employment.until).is_(None))
        .order_by(col(Employment.member_id))
    )
    return list(found.scalars().all())


async def consent_texts(session: AsyncSession) -> Sequence[ConsentText]:
    """The texts in force, in the order of the purposes."""
    found = await session.exec(sa.select(ConsentText).where(col(ConsentText.in_force)))
    order = list(Purpose)
    return sorted(found.scalars().all(), key=lambda text: order.index(text.purpose))


async def consent_text(session: AsyncSession, *, purpose: Purpose, version: str) -> ConsentText | None:
    found = await session.exec(
        sa.select(ConsentText).where(col(ConsentText.purpose) == purpose, col(ConsentText.version) == version)
    )
    text: ConsentText | None = found.scalars().first()
    return text


async def consents(session: AsyncSession, member_id: UUID) -> list[dict[str, Any]]:
    """What a person last said about each purpose they were asked: purpose, version, granted, at."""
    found = await session.exec(
        sa.select(Consent)
        .where(col(Consent.member_id) == member_id)
        .ext(distinct_on(col(Consent.purpose)))
        .order_by(col(Consent.purpose), col(Consent.created_at).desc(), col(Consent.id).desc())
    )
    order = list(Purpose)
    return [consent_out(consent) for consent in sorted(found.scalars().all(), key=lambda consent: order.index(consent.purpose))]


def consent_out(consent: Consent) -> dict[str, Any]:
    return {"purpose": consent.purpose, "version": consent.version, "granted": consent.granted, "at": consent.created_at}


async def last_consent(session: AsyncSession, *, member_id: UUID, purpose: Purpose) -> Consent | None:
    found = await session.exec(
        sa.select(Consent)
        .where(col(Consent.member_id) == member_id, col(Consent.purpose) == purpose)
        .order_by(col(Consent.created_at).desc(), col(Consent.id).desc())
        .limit(1)
    )
    consent: Consent | None = found.scalars().first()
    return consent


async def has_consent(session: AsyncSession, *, member_id: UUID, purpose: str) -> bool:
    """Is the last word of a person about this purpose a yes?"""
    consent = await last_consent(session, member_id=member_id, purpose=Purpose(purpose))
    return consent is not None and consent.granted


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
            consent_out(consent) | {"purpose": consent.purpose.value, "at": consent.created_at.isoformat()}
            for consent in said.scalars().all()
        ],
    }
