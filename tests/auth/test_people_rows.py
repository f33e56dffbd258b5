"""The short cut by which tests make their people leaves what the services leave."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.audit.models import AuditEvent
from app.auth.models import Account
from app.auth.queries import principal_of
from app.db.session import AsyncSession
from app.members.models import Member
from tests.support.people import People, Person

OWN = {"id", "created_at", "openid_index", "openid_sealed", "phone_index", "phone_sealed"}  # one's own, or sealed under one's own id


async def rows_of(session: AsyncSession, person: Person) -> dict[str, Any]:
    events = col(AuditEvent.object_id) == person.id
    account = (await session.exec(sa.select(Account.__table__).where(col(Account.id) == person.id))).mappings().one()
    member = (await session.exec(sa.select(Member.__table__).where(col(Member.id) == person.id))).mappings().one()
    asked, told = await principal_of(session, account_id=person.id), person.principal
    return {
        "account": {name: value is not None if name in OWN else value for name, value in account.items()},
        "member": {name: value is not None if name in OWN else value for name, value in member.items()},
        "principal": (asked.kind, asked.status, asked.grants, asked.consented, asked.has_phone),
        "told": (told.kind, told.status, told.grants, told.consented, told.has_phone),
        "events": sorted((await session.exec(sa.select(col(AuditEvent.action), col(AuditEvent.actor_kind)).where(events))).all()),
    }


async def test_the_short_cut_leaves_the_same(session: AsyncSession, people: People) -> None:
    quick, slow = await people.member(), await people.known("13700000001")
    rows = await rows_of(session, quick)
    assert rows == await rows_of(session, slow)
    assert rows["told"] == rows["principal"] and len(rows["events"]) == 2
    assert await rows_of(session, await people.member(phone=None)) != rows


@pytest.mark.parametrize("consents", [(), ("service",)])
async def test_what_was_agreed_to_is_known(session: AsyncSession, people: People, consents: tuple[str, ...]) -> None:
    rows = await rows_of(session, await people.member(consents=consents))
    assert rows["told"] == rows["principal"] and rows["account"]["consented"] == list(consents)
