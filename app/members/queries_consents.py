"""Reading what people may agree to and what they said. The newest answer to a purpose counts; a yes only while its text is enough."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.members import purposes
from app.members.models import Consent, ConsentText, Purpose

ORDER = list(Purpose)
TEXT_OF = sa.and_(col(ConsentText.purpose) == col(Consent.purpose), col(ConsentText.version) == col(Consent.version))
NEWEST_FIRST = (col(Consent.created_at).desc(), col(Consent.id).desc())


async def consent_texts(session: AsyncSession) -> Sequence[ConsentText]:
    """The texts in force, in the order of the purposes."""
    found = await session.exec(sa.select(ConsentText).where(col(ConsentText.in_force)))
    return sorted(found.scalars().all(), key=lambda text: ORDER.index(text.purpose))


def consent_text_out(text: ConsentText) -> dict[str, Any]:
    """A text with what needs it and what its withdrawal closes."""
    return {
        "purpose": text.purpose, "version": text.version, "title": text.title, "text": text.text,
        "required_for": purposes.REQUIRED_FOR[text.purpose], "withdrawal": purposes.WITHDRAWAL[text.purpose],
    }


async def consent_text(session: AsyncSession, *, purpose: Purpose, version: str) -> ConsentText | None:
    """Held as it is until the transaction ends: nobody agrees to a text while another takes its place."""
    found = await session.exec(
        sa.select(ConsentText)
        .where(col(ConsentText.purpose) == purpose, col(ConsentText.version) == version)
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    text: ConsentText | None = found.scalars().first()
    return text


def _last_answers(members: Collection[UUID]) -> sa.Select[Consent, bool]:
    """For each member and purpose the newest answer, and whether its text is still enough for a yes."""
    return (
        sa.select(Consent, col(ConsentText.sufficient))
        .join(ConsentText, TEXT_OF)
        .where(col(Consent.member_id).in_(members))
        .ext(distinct_on(col(Consent.member_id), col(Consent.purpose)))
        .order_by(col(Consent.member_id), col(Consent.purpose), *NEWEST_FIRST)
    )


def said_by(member_id: Any) -> sa.ScalarSelect[Any]:
    """What a person last said about each purpose they were asked, as part of another statement: for `read_said`."""
    last = (
        sa.select(
            sa.func.jsonb_build_array(
                col(Consent.purpose), col(Consent.version), col(Consent.granted), col(Consent.created_at), col(ConsentText.sufficient)
            ).label("said")
        )
        .join(ConsentText, TEXT_OF)
        .where(col(Consent.member_id) == member_id)
        .ext(distinct_on(col(Consent.purpose)))
        .order_by(col(Consent.purpose), *NEWEST_FIRST)
        .subquery()
    )
    return sa.select(sa.func.jsonb_agg(last.c.said, type_=JSONB)).scalar_subquery()


def read_said(told: Sequence[Sequence[Any]] | None) -> list[dict[str, Any]]:
    """In the order of the purposes."""
    return sorted(
        (
            _out(Purpose(purpose), version, granted, datetime.fromisoformat(at), current=sufficient or not granted)
            for purpose, version, granted, at, sufficient in told or ()
        ),
        key=lambda said: ORDER.index(said["purpose"]),
    )


async def purposes_in_force(session: AsyncSession, *, among: Collection[UUID]) -> dict[UUID, set[Purpose]]:
    """The purposes that each of these members agrees to now; who agrees to none is left out."""
    in_force: dict[UUID, set[Purpose]] = {}
    for consent, sufficient in (await session.exec(_last_answers(among))).all():
        if consent.granted and sufficient:
            in_force.setdefault(consent.member_id, set()).add(consent.purpose)
    return in_force


async def consent_history(session: AsyncSession, *, member_id: UUID, limit: int, after: UUID | None) -> Sequence[tuple[Consent, str, bool]]:
    """Every yes and no, with the title that was read and whether it is the one that counts; newest first, one more than `limit`."""
    later = aliased(Consent)
    superseded = sa.exists(
        sa.select(sa.literal(1)).where(
            col(later.member_id) == col(Consent.member_id), col(later.purpose) == col(Consent.purpose),
            sa.tuple_(col(later.created_at), col(later.id)) > sa.tuple_(col(Consent.created_at), col(Consent.id)),
        )
    )
    counts = sa.and_(sa.or_(col(ConsentText.sufficient), sa.not_(col(Consent.granted))), sa.not_(superseded))
    statement = sa.select(Consent, col(ConsentText.title), counts).join(ConsentText, TEXT_OF).where(col(Consent.member_id) == member_id)
    if after is not None:
        statement = statement.where(col(Consent.id) < after)
    found = await session.exec(statement.order_by(col(Consent.id).desc()).limit(limit + 1))
    return [(consent, title, current) for consent, title, current in found.all()]


def consent_out(consent: Consent, *, current: bool) -> dict[str, Any]:
    """`current`: this answer counts now. A yes to a text that no longer suffices does not: the person is to be asked anew."""
    return _out(consent.purpose, consent.version, consent.granted, consent.created_at, current=current)


def _out(purpose: Purpose, version: str, granted: bool, at: datetime, *, current: bool) -> dict[str, Any]:
    return {"purpose": purpose, "version": version, "granted": granted, "at": at, "current": current}


async def last_consent(session: AsyncSession, *, member_id: UUID, purpose: Purpose) -> Consent | None:
    found = await session.exec(
        sa.select(Consent)
        .where(col(Consent.member_id) == member_id, col(Consent.purpose) == purpose)
        .order_by(*NEWEST_FIRST)
        .limit(1)
    )
    consent: Consent | None = found.scalars().first()
    return consent


async def has_consent(session: AsyncSession, *, member_id: UUID, purpose: Purpose | str) -> bool:
    return Purpose(purpose) in (await purposes_in_force(session, among=[member_id])).get(member_id, ())
