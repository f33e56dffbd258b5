"""Stops in PostgreSQL: one row for each call of a mini program, its end told by the database's clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.wechat.models import WeChatQuotaStop

NOW = sa.func.clock_timestamp()


class DatabaseStopStore:
    def __init__(self, database: Database, appid: str) -> None:
        self._database, self._appid = database, appid

    async def running(self) -> Mapping[str, float]:
        left = sa.cast(sa.extract("epoch", col(WeChatQuotaStop.until) - NOW), sa.Float)
        async with self._database.reader() as session:
            found = await session.exec(sa.select(col(WeChatQuotaStop.path), left).where(*_running(self._appid)))
            return dict(found.all())

    async def begin(self, path: str, until: datetime) -> bool:
        """One statement: of all processes that heard of it at once, one is told that it was the first."""
        values: dict[str, Any] = {"stopped_at": NOW, "until": until}
        async with self._database.transaction() as session:
            written = await session.exec(
                insert(WeChatQuotaStop)
                .values(id=new_id(), appid=self._appid, path=path, **values)
                .on_conflict_do_update(index_elements=["appid", "path"], set_=values, where=col(WeChatQuotaStop.until) <= NOW)
                .returning(col(WeChatQuotaStop.id))
            )
            return written.first() is not None


async def lift(session: AsyncSession, *, path: str) -> bool:
    """Ends a stop before its time, after the quota was raised or cleared in WeChat's console. The processes hear of it within seconds."""
    done = await session.exec(
        sa.update(WeChatQuotaStop)
        .where(col(WeChatQuotaStop.path) == path, col(WeChatQuotaStop.until) > NOW)
        .values(until=NOW)
        .returning(col(WeChatQuotaStop.id))
    )
    return done.first() is not None


def _running(appid: str) -> tuple[Any, ...]:
    return col(WeChatQuotaStop.appid) == appid, col(WeChatQuotaStop.until) > NOW
