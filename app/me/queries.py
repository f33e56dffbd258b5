"""What a person sees of themselves, put together from the features below."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.me import workflow
from app.me.models import Reveal, RevealField
from app.members import queries as members_queries
from app.points import queries as points_queries
from app.registrations import queries as registrations_queries


async def profile(session: AsyncSession, *, principal: Principal) -> dict[str, Any]:
    """The caller as the caller sees it: the own name in full, the phone masked."""
    me = principal.account_id
    account = await auth_queries.get(session, me)
    assert account is not None
    member = await members_queries.get(session, member_id=me)
    return {
        "id": me, "nickname": await members_queries.nickname(session, member_id=me),
        "real_name": await members_queries.real_name(session, member_id=me),
        "occupation": member.occupation if member else None, "area": await _area(session, me),
        "phone": await auth_queries.masked_phone(session, account_id=me), "grants": await _grants(session, me),
        "level": await points_queries.level(session, member_id=me),
        "registration": await registrations_queries.current(session, member_id=me),
        "consents": await members_queries.consents(session, me), "status": account.status, "erase_on": account.erase_on,
        "version": member.version if member else 1, "allowed": workflow.allowed(account.status, account.kind),
    }


async def _area(session: AsyncSession, member_id: UUID) -> dict[str, Any] | None:
    place = await members_queries.area_of(session, member_id=member_id)
    if place is None:
        return None
    return {"id": place[0], "name": (await areas_queries.get(session, place[0])).name}


async def _grants(session: AsyncSession, account_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "id": grant.id, "role": grant.role, "scope_type": grant.scope_type, "scope_id": grant.scope_id, "scope_name": name,
            "valid_until": grant.valid_until,
        }
        for grant, name in await auth_queries.named_grants(session, account_id=account_id)
    ]


async def full_value(session: AsyncSession, *, member_id: UUID, field: RevealField) -> str | None:
    """The phone or the name in full; None for unknown people and for what they never gave."""
    if field is RevealField.PHONE:
        return await auth_queries.phone_of(session, account_id=member_id)
    return await members_queries.real_name(session, member_id=member_id)


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """Which of the person's values officials have seen, when and why; not who they were."""
    found = await session.exec(sa.select(Reveal).where(col(Reveal.member_id) == member_id).order_by(col(Reveal.id)))
    return {
        "reveals": [
            {
                "field": reveal.field.value, "purpose": reveal.purpose.value if reveal.purpose else None, "reason": reveal.reason,
                "at": reveal.created_at.isoformat(),
            }
            for reveal in found.scalars().all()
        ]
    }
