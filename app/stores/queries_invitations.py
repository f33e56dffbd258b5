"""Every SELECT of invitations to work at a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import AccessGrant
from app.auth.principal import Principal
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import NotFound
from app.qrcodes.models import Purpose, QrCode
from app.stores.models import Store
from app.stores.models_applications import StoreInvitation

NOW = sa.func.clock_timestamp()  # by the database's clock codes expire
NAMES = {Role.STORE_OWNER: "店主", Role.STORE_CLERK: "店员"}


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation with its code and its store; `now` is the database's clock."""

    invitation: StoreInvitation
    code: QrCode
    store: Store
    now: datetime


def _invited() -> sa.Select[Any]:
    return (
        sa.select(StoreInvitation, QrCode, Store, NOW)
        .join(QrCode, col(QrCode.id) == col(StoreInvitation.qrcode_id))
        .join(Store, col(Store.id) == col(StoreInvitation.store_id))
        .execution_options(populate_existing=True)
    )


async def by_scene(session: AsyncSession, scene: str) -> Invited | None:
    """What a scanned or typed code invites to, whether it is still good or not."""
    found = (await session.exec(_invited().where(col(QrCode.scene) == scene, col(QrCode.purpose) == Purpose.STORE_STAFF))).first()
    return None if found is None else Invited(*found)


async def dismissed_since(session: AsyncSession, invited: Invited, *, account_id: UUID) -> bool:
    """Was this person removed from the store after the code was given out? Then it must not bring them back."""
    gone = sa.select(sa.literal(1)).where(
        col(AccessGrant.account_id) == account_id, col(AccessGrant.scope_type) == ScopeType.STORE,
        col(AccessGrant.scope_id) == invited.store.id, col(AccessGrant.revoked_at) > invited.invitation.created_at,
    )
    return (await session.exec(gone.limit(1))).first() is not None


async def access(session: AsyncSession, *, store_id: UUID, invitation_id: UUID) -> Invited:
    """A store's, for who runs the store. Raises NotFound for another one's."""
    wanted = _invited().where(col(StoreInvitation.id) == invitation_id, col(StoreInvitation.store_id) == store_id)
    found = (await session.exec(wanted)).first()
    if found is None:
        raise NotFound
    return Invited(*found)


async def invitations(session: AsyncSession, *, store_id: UUID, limit: int, after: UUID | None) -> Sequence[Invited]:
    """A store's, newest first, one more than `limit`."""
    statement = _invited().where(col(StoreInvitation.store_id) == store_id)
    if after is not None:
        statement = statement.where(col(StoreInvitation.id) < after)
    found = await session.exec(statement.order_by(col(StoreInvitation.id).desc()).limit(limit + 1))
    return [Invited(*row) for row in found.all()]


async def may_issue(session: AsyncSession, principal: Principal, target_id: UUID) -> bool:
    """Nobody prints such a code by hand: it is made with the invitation."""
    return False


async def describe(session: AsyncSession, target_id: UUID) -> dict[str, Any]:
    """What the scan of an invitation shows to everybody: the store, and as what one is wanted. Raises NotFound."""
    found = (await session.exec(_invited().where(col(StoreInvitation.id) == target_id))).first()
    if found is None:
        raise NotFound
    invited = Invited(*found)
    store, role = invited.store, invited.invitation.role
    lines = [f"地址：{store.address}", f"邀请您成为本店{NAMES[role]}。"]
    return {"id": str(store.id), "name": store.name, "address": store.address, "role": role.value, "lines": lines}
