"""The access token in PostgreSQL: sealed, one row per mini program, one fetching process at a time."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import WeChatUnavailable
from app.security import sealing
from app.wechat.models import WeChatToken
from app.wechat.tokens import Fetch, Token

CLAIM_SECONDS = 10  # longer than a fetch may take
WAIT_SECONDS, POLL_SECONDS = 6.0, 0.1
WHILE_RENEWED_SECONDS = 2.0  # how long the old token is used before looking for the next one again


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    sealed: bytes | None = field(repr=False)
    text: str | None = field(repr=False)
    seconds: float
    lives: float


class DatabaseTokenStore:
    """Claims are a column, not a held lock: no transaction is open while WeChat is asked. All times are the database's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def obtain(self, appid: str, *, stale: str | None, fetch: Fetch) -> Token:
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            row = await self._read(appid)
            usable = row.text is not None and row.text != stale
            if row.text is not None and usable and row.seconds > 0:
                return Token(row.text, row.seconds, row.lives)
            if await self._claim(row):
                return await self._fetch(row.id, fetch)
            if row.text is not None and usable and row.lives > WHILE_RENEWED_SECONDS:
                return Token(row.text, WHILE_RENEWED_SECONDS, row.lives)
            if time.monotonic() > deadline:
                raise WeChatUnavailable
            await asyncio.sleep(POLL_SECONDS)

    async def replace(self, appid: str, token: Token) -> None:
        await self._keep((await self._read(appid)).id, token)

    async def _read(self, appid: str) -> _Row:
        """The shared row, made at the first call. A token that can no longer be unsealed (its key is gone) counts as none."""
        async with self._database.transaction() as session:
            found = (await session.exec(_select(appid))).one_or_none()
            if found is None:
                await session.exec(insert(WeChatToken).values(id=new_id(), appid=appid).on_conflict_do_nothing())
                found = (await session.exec(_select(appid))).one()
            return _Row(found.id, found.token_sealed, _opened(session, found.id, found.token_sealed), found.seconds or 0, found.lives or 0)

    async def _claim(self, row: _Row) -> bool:
        """True for one process: the token must still be the one just read, and nobody else may be fetching."""
        async with self._database.transaction() as session:
            claimed = await session.exec(
                sa.update(WeChatToken)
                .where(
                    col(WeChatToken.id) == row.id, col(WeChatToken.token_sealed).is_not_distinct_from(row.sealed),
                    sa.or_(col(WeChatToken.claimed_until).is_(None), col(WeChatToken.claimed_until) < sa.func.clock_timestamp()),
                )
                .values(claimed_until=_from_now(CLAIM_SECONDS))
            )
            return bool(claimed.rowcount)

    async def _fetch(self, row: UUID, fetch: Fetch) -> Token:
        try:
            token = await fetch()
        except Exception:
            await self._write(row, claimed_until=None)
            raise
        await self._keep(row, token)
        return token

    async def _keep(self, row: UUID, token: Token) -> None:
        async with self._database.transaction() as session:
            sealed = sealing.seal(session, token.text, table="wechat_token", column="token_sealed", row=row)
        await self._write(
            row, token_sealed=sealed, renew_at=_from_now(token.seconds), expires_at=_from_now(token.lives), claimed_until=None
        )

    async def _write(self, row: UUID, **values: Any) -> None:
        async with self._database.transaction() as session:
            await session.exec(sa.update(WeChatToken).where(col(WeChatToken.id) == row).values(**values))


def _select(appid: str) -> Any:
    """`seconds` until the renewal and `lives` until the end, counted by the database."""
    def left(column: Any) -> Any:
        return sa.cast(sa.extract("epoch", column - sa.func.clock_timestamp()), sa.Float)

    return sa.select(
        col(WeChatToken.id), col(WeChatToken.token_sealed), left(col(WeChatToken.renew_at)).label("seconds"),
        left(col(WeChatToken.expires_at)).label("lives"),
    ).where(col(WeChatToken.appid) == appid)


def _from_now(seconds: float) -> Any:
    return sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _opened(session: AsyncSession, row: UUID, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    try:
        return sealing.unseal(session, sealed, table="wechat_token", column="token_sealed", row=row)
    except sealing.Unsealable:
        return None
