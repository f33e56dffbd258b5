"""What a refresh token is judged by: its family under a lock, then the token with its child and the account, as they stand."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.auth.models import Account, AuthSession, RefreshToken
from app.auth.principal import AccountKind, AccountStatus
from app.auth.queries import CLOCK
from app.db.prepared import Prepared
from app.db.session import AsyncSession


class Family(NamedTuple):
    """The session that a token belongs to, locked."""

    id: UUID
    account_id: UUID
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    otp_pending: bool


class Presented(NamedTuple):
    """A refresh token as it stands, with its one child; `now` is the database's clock."""

    id: UUID
    state: str
    expires_at: datetime
    superseded_at: datetime | None
    child_id: UUID | None
    child_hash: bytes | None
    child_state: str | None
    kind: AccountKind
    status: AccountStatus
    now: datetime


CHILD = aliased(RefreshToken)
HASH = sa.bindparam("token_hash", type_=sa.LargeBinary)
FAMILY = Prepared(
    sa.select(*(col(getattr(AuthSession, name)) for name in Family._fields))
    .where(col(AuthSession.id) == sa.select(col(RefreshToken.session_id)).where(col(RefreshToken.hash) == HASH).scalar_subquery())
    .with_for_update(key_share=True)
)
PRESENTED = Prepared(
    sa.select(
        col(RefreshToken.id), col(RefreshToken.state), col(RefreshToken.expires_at), col(RefreshToken.superseded_at),
        col(CHILD.id).label("child_id"), col(CHILD.hash).label("child_hash"), col(CHILD.state).label("child_state"),
        col(Account.kind), col(Account.status), CLOCK.label("now"),
    )
    .select_from(RefreshToken)
    .outerjoin(CHILD, col(CHILD.parent_id) == col(RefreshToken.id))
    .join(Account, col(Account.id) == sa.bindparam("account_id", type_=sa.Uuid))
    .where(col(RefreshToken.hash) == HASH)
)


async def lock_family(session: AsyncSession, *, token_hash: bytes) -> Family | None:
    """None for a token that we did not give."""
    row = await FAMILY.first(session, token_hash=token_hash)
    return None if row is None else Family._make(row.values())


async def presented(session: AsyncSession, *, token_hash: bytes, family: Family) -> Presented:
    """To be read after `lock_family`: the statement that waited for the lock would show the token as it was before."""
    [row] = await PRESENTED.all(session, token_hash=token_hash, account_id=family.account_id)
    return Presented._make(row.values())
