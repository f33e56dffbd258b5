"""Remembering and forgetting answers. What may be remembered is said by `AppError.remembered` and the pipeline in `auth/routing.py`."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app.db.base import new_id
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.idempotency.models import IdempotencyKey
from app.security import sealing

KEPT_DAYS = 8  # the contract promises at least seven
REMEMBER = Prepared(
    insert(IdempotencyKey)
    .values({name: sa.bindparam(name) for name in ("account_id", "key", "row_id", "fingerprint", "status", "media_type", "body")})
    .on_conflict_do_nothing()
    .returning(col(IdempotencyKey.row_id))
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent again, byte for byte."""

    fingerprint: bytes
    status: int
    media_type: str
    body: bytes


async def remember(session: AsyncSession, *, account_id: UUID, key: str, answer: Answer) -> bool:
    """Writes the key row; False when another request under this key was first (then its answer is the one that holds)."""
    row = new_id()
    made = await REMEMBER.first(
        session, account_id=account_id, key=key, row_id=row, fingerprint=answer.fingerprint, status=answer.status,
        media_type=answer.media_type, body=sealing.seal(session, answer.body, table="idempotency_key", column="body", row=row),
    )
    return made is not None


async def find(session: AsyncSession, *, account_id: UUID, key: str) -> Answer | None:
    kept = await session.get(IdempotencyKey, (account_id, key))
    return None if kept is None else opened(session, kept.row_id, kept.fingerprint, kept.status, kept.media_type, kept.body)


def opened(session: AsyncSession, row: UUID, fingerprint: bytes, status: int, media_type: str, sealed: bytes) -> Answer:
    body = sealing.unseal_bytes(session, sealed, table="idempotency_key", column="body", row=row)
    return Answer(fingerprint, status, media_type, body)


async def sweep(session: AsyncSession) -> int:
    """Deletes rows older than KEPT_DAYS, at most 10,000 a run; returns how many."""
    old = (
        sa.select(col(IdempotencyKey.account_id), col(IdempotencyKey.key))
        .where(col(IdempotencyKey.created_at) < sa.func.clock_timestamp() - sa.text(f"interval '{KEPT_DAYS} days'"))
        .limit(10_000)
    )
    gone = await session.exec(
        sa.delete(IdempotencyKey).where(sa.tuple_(col(IdempotencyKey.account_id), col(IdempotencyKey.key)).in_(old))
    )
    return gone.rowcount


async def forget(session: AsyncSession, *, member_id: UUID) -> None:
    """Erases every remembered answer of an account."""
    await session.exec(sa.delete(IdempotencyKey).where(col(IdempotencyKey.account_id) == member_id))
