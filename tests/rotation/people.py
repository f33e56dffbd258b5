"""People of a committed database, by the services that the API calls; and a judge that reads every account with all keys."""

import asyncio
import itertools
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth import service as auth_service
from app.auth.models import Account
from app.db.session import Database
from app.members import service as members_service
from app.security import sealing

PHONES = (f"135{number:08d}" for number in itertools.count(30_000_000))
OPENIDS = (f"rotated-{number}" for number in itertools.count(1))
BLOCKED = sa.text(
    "select count(*) from pg_locks l join pg_database d on d.oid = l.database where not l.granted and d.datname = current_database()"
)
LOOKS = 400


async def account(database: Database, openid: str | None = None, phone: str | None = None, name: str | None = None) -> UUID:
    async with database.transaction() as session:
        made = await auth_service.ensure_account(session, openid=openid or next(OPENIDS))
        if phone is not None:
            await auth_service.bind_phone(session, account_id=made.id, phone=phone)
        await members_service.ensure(session, member_id=made.id)
        if name is not None:
            await members_service.set_profile(session, member_id=made.id, real_name=name)
    return made.id


async def owners(database: Database, column: str, value: str) -> list[UUID]:
    """Whose sealed phone or openid this is, whatever the indexes say."""
    async with database.session() as session:
        sealed = getattr(Account, f"{column}_sealed")
        rows = (await session.exec(sa.select(col(Account.id), sealed).where(col(sealed).is_not(None)))).all()
        return [row for row, kept in rows if sealing.unseal(session, kept, table="account", column=column, row=row) == value]


async def somebody_waits(database: Database) -> None:
    """Returns once a connection of this database waits for a lock."""
    async with database.reader() as session:
        for _ in range(LOOKS):
            if (await session.exec(BLOCKED)).scalar_one():
                return
            await asyncio.sleep(0.01)
    raise AssertionError("nobody waits")
