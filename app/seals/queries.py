"""Looking at the chain and at what waits to be sealed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.seals.models import PENDING, SealBacklog, SealBlock
from app.seals.rows import Kind

# Rows of the queue that are looked at to tell how old it is: they come about in order, and more of them are bad news at any age.
LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Head:
    """A block by its number and hash: the whole chain before it follows from the two."""

    number: int
    hash: bytes
    sealed_at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not sealed: how many rows (as far as they were looked at), the age of the oldest, and whether tables are caught up with."""

    rows: int
    seconds: float
    backlog: bool


async def head(session: AsyncSession) -> Head | None:
    found = await session.exec(
        sa.select(col(SealBlock.number), col(SealBlock.hash), col(SealBlock.sealed_at)).order_by(col(SealBlock.number).desc()).limit(1)
    )
    row = found.first()
    return None if row is None else Head(*row)


async def backlog(session: AsyncSession) -> dict[Kind, UUID | None]:
    """Tables whose rows from before the triggers are not all sealed, and up to which id they are."""
    found = await session.exec(sa.select(col(SealBacklog.kind), col(SealBacklog.after)).order_by(col(SealBacklog.kind)))
    return {Kind(kind): after for kind, after in found.all()}


async def waiting(session: AsyncSession, *, look_at: int = LOOKED_AT) -> Waiting:
    some = sa.select(PENDING.c.noted_at).limit(look_at).subquery()
    age = sa.func.extract("epoch", sa.func.clock_timestamp() - sa.func.min(some.c.noted_at))
    left = sa.exists(sa.select(col(SealBacklog.kind)))
    counted = sa.select(sa.func.count(), sa.cast(sa.func.coalesce(age, 0), sa.Float), left).select_from(some)
    rows, seconds, backlog = (await session.exec(counted)).one()
    return Waiting(rows, max(0.0, seconds), backlog)


async def measured(session: AsyncSession) -> Mapping[str, float]:
    """The figures for Prometheus."""
    found = await waiting(session)
    return {"xinxin_unsealed_rows": float(found.rows), "xinxin_unsealed_seconds": found.seconds}


async def hashes(session: AsyncSession, numbers: Collection[int]) -> dict[int, bytes]:
    """The hashes of the blocks of these numbers that are there."""
    found = await session.exec(
        sa.select(col(SealBlock.number), col(SealBlock.hash)).where(
            col(SealBlock.number) == sa.func.any(sa.cast(list(numbers), sa.ARRAY(sa.BigInteger())))
        )
    )
    return dict(found.all())


async def first_since(session: AsyncSession, instant: datetime) -> int:
    """The first block that was sealed since then, looking back at most LOOKED_AT blocks; the next to come when there is none."""
    late = sa.select(col(SealBlock.number), col(SealBlock.sealed_at)).order_by(col(SealBlock.number).desc()).limit(LOOKED_AT).subquery()
    first = sa.select(sa.func.min(late.c.number)).where(late.c.sealed_at >= instant).scalar_subquery()
    next_one = sa.select(sa.func.coalesce(sa.func.max(col(SealBlock.number)), 0) + 1).scalar_subquery()
    return int((await session.exec(sa.select(sa.func.coalesce(first, next_one)))).scalar_one())


async def signed_under(session: AsyncSession) -> dict[str, tuple[int, int]]:
    """Key → how many blocks it signed, and the last of them."""
    kid = col(SealBlock.kid)
    found = await session.exec(sa.select(kid, sa.func.count(), sa.func.max(col(SealBlock.number))).group_by(kid).order_by(kid))
    return {signer: (blocks, last) for signer, blocks, last in found.all()}
