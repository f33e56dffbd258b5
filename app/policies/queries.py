"""Every SELECT of policy texts. They are public, those that are still to take effect too."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col

from app.auth import queries as auth_queries
from app.db.session import AsyncSession
from app.errors import NotFound
from app.policies.models import PolicyCode, PolicyText

ORDER = list(PolicyCode)
NEWEST_FIRST = (col(PolicyText.effective_on).desc(), col(PolicyText.id).desc())
IN_EFFECT = col(PolicyText.effective_on) <= auth_queries.TODAY


async def current(session: AsyncSession) -> Sequence[PolicyText]:
    """The version of each document that is in effect today by the database's clock, in the order of the codes."""
    found = await session.exec(
        sa.select(PolicyText).where(IN_EFFECT).ext(distinct_on(col(PolicyText.code))).order_by(col(PolicyText.code), *NEWEST_FIRST)
    )
    return sorted(found.scalars().all(), key=lambda text: ORDER.index(text.code))


async def versions(session: AsyncSession, *, code: PolicyCode) -> list[tuple[PolicyText, bool]]:
    """All versions of a document, the newest first, and of each whether it is the one in effect today. They are few."""
    found = await session.exec(sa.select(PolicyText, IN_EFFECT).where(col(PolicyText.code) == code).order_by(*NEWEST_FIRST))
    rows = [(text, bool(begun)) for text, begun in found.all()]
    in_effect = next((text.id for text, begun in rows if begun), None)
    return [(text, text.id == in_effect) for text, _ in rows]


def chosen(rows: Sequence[tuple[PolicyText, bool]], version: str | None) -> PolicyText:
    """The version asked for, else the one in effect. Raises NotFound."""
    for text, in_effect in rows:
        if text.version == version if version else in_effect:
            return text
    raise NotFound
