"""Every SELECT of printed codes."""

import re
from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Scope
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import NotFound
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import QrCode

SCENE = re.compile(r"[0-9A-Za-z]{1,32}")


async def resolve(session: AsyncSession, scene: str) -> QrCode:
    """The code that a scan names. Raises NotFound, QrcodeInactive."""
    if not SCENE.fullmatch(scene):
        raise NotFound
    found = await session.exec(sa.select(QrCode).where(col(QrCode.scene) == scene))
    code: QrCode | None = found.scalars().first()
    if code is None:
        raise NotFound
    if not code.active:
        raise QrcodeInactive
    return code


async def access(session: AsyncSession, *, principal: Principal, qrcode_id: UUID) -> QrCode:
    """Locks a code in the caller's scope. Raises NotFound elsewhere."""
    found = await session.exec(
        sa.select(QrCode)
        .where(col(QrCode.id) == qrcode_id, _in_scope(principal))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    code: QrCode | None = found.scalars().first()
    if code is None:
        raise NotFound
    return code


async def issued(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[QrCode]:
    """The codes in the caller's scope, newest first, one more than `limit`."""
    statement = sa.select(QrCode).where(_in_scope(principal))
    if after is not None:
        statement = statement.where(col(QrCode.id) < after)
    found = await session.exec(statement.order_by(col(QrCode.id).desc()).limit(limit + 1))
    return found.scalars().all()


def _in_scope(principal: Principal) -> sa.ColumnElement[bool]:
    """One's own codes, those of things that one runs, and those of things in areas that one administers."""
    run = (
        *principal.scope_ids(ScopeType.ORGANISATION, Role.ORG_SECRETARY, Role.INSTRUCTOR),
        *principal.scope_ids(ScopeType.ENTERPRISE, Role.ENTERPRISE_CONTACT),
        *principal.scope_ids(ScopeType.STORE, Role.STORE_OWNER),
    )
    administered = sa.exists(
        sa.select(sa.literal(1)).where(
            col(Scope.scope_id) == col(QrCode.target_id), within(col(Scope.area_path), principal.area_paths(Role.AREA_ADMIN))
        )
    )
    return sa.or_(col(QrCode.issued_by) == principal.account_id, col(QrCode.target_id).in_(run), administered)
