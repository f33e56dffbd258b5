"""What a person sees of themselves, put together from the features below."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.models import Account
from app.auth.principal import Principal
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.me import workflow
from app.me.models import Reveal, RevealField
from app.members import queries as members_queries
from app.members.models import Member
from app.points import queries_levels
from app.registrations import queries as registrations_queries


async def profile(session: AsyncSession, *, principal: Principal) -> dict[str, Any]:
    """The caller as the caller sees it: the own name in full, the phone masked."""
    me = principal.account_id
    row = await _profile(clock.today()).first(session, me=me, year_ago=queries_levels.year_ago())
    assert row is not None
    names = {name: members_queries.opened(session, row[f"{name}_sealed"], column=name, member_id=me) for name in ("nickname", "real_name")}
    return {
        "id": me, **names, "occupation": row["occupation"], "area": _area(row["area"]),
        "phone": auth_queries.masked(session, row["phone_sealed"], account_id=me), "grants": auth_queries.read_named(row["grants"]),
        "level": queries_levels.read(row["year"]).level, "registration": registrations_queries.read_current(row["registration"]),
        "consents": members_queries.read_said(row["consents"]), "status": row["status"], "erase_on": row["erase_on"],
        "version": row["version"] or 1, "allowed": workflow.allowed(row["status"], principal.kind),
    }


@lru_cache(maxsize=2)
def _profile(today: date) -> Prepared:
    """All of it in one statement, put together once a day."""
    me, year_ago = sa.bindparam("me", type_=sa.Uuid), sa.bindparam("year_ago", type_=sa.DateTime(timezone=True))
    place = sa.func.jsonb_build_array(col(Area.id), col(Area.name), type_=JSONB)
    area = sa.case((col(Area.id).is_(None), areas_queries.oldest_tenant(place)), else_=place)  # without a place the tenant
    return Prepared(
        sa.select(
            col(Account.status), col(Account.erase_on), col(Account.phone_sealed), col(Member.nickname_sealed),
            col(Member.real_name_sealed), col(Member.occupation), col(Member.version), area.label("area"),
            auth_queries.named_of(me).label("grants"),
            queries_levels.of_member(me, today=today, year_ago=year_ago).label("year"),
            registrations_queries.current_of(me).label("registration"), members_queries.said_by(me).label("consents"),
        )
        .outerjoin(Member, col(Member.id) == col(Account.id))
        .outerjoin(Area, col(Area.id) == col(Member.area_id))
        .where(col(Account.id) == me)
    )


def _area(told: Sequence[str] | None) -> dict[str, Any] | None:
    return None if told is None else {"id": UUID(told[0]), "name": told[1]}


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
