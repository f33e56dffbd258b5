"""Every SELECT of printed codes."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.models import Scope
from app.auth.principal import Principal, within
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession
from app.errors import CodeMalformed, NotFound
from app.qrcodes import ports, workflow
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import Purpose, QrCode
from app.security import typed_codes

SCENE = re.compile(r"[0-9A-Za-z]{1,32}")
GROUPS = re.compile(r"[0-9A-Za-z]{4}([\s-]+[0-9A-Za-z]{4}){2}")
NOW = sa.func.clock_timestamp()  # by the database's clock codes expire
ELSEWHERE = (Purpose.CERTIFICATE, Purpose.STORE_STAFF)  # what other features issue and list


async def resolve(session: AsyncSession, scene: str) -> QrCode:
    """The code that a scan names, or that somebody typed: exactly, or else read as a typed one.

    Raises NotFound, QrcodeInactive; CodeMalformed for an invitation's code, in its groups of four, of which a symbol is mistyped. Twelve
    symbols in one piece may as well be a poster's scene: those are unknown.
    """
    found = await _one(session, col(QrCode.scene) == scene) if SCENE.fullmatch(scene) else None
    code, now = found or await _as_typed(session, scene)
    workflow.require_usable(code, now)
    return code


async def _as_typed(session: AsyncSession, text: str) -> tuple[QrCode, datetime]:
    symbols = typed_codes.read(text)
    if symbols is None:
        raise NotFound
    if not typed_codes.fits(symbols):
        raise CodeMalformed("邀请码有误，请核对后重新输入") if GROUPS.fullmatch(text.strip()) else NotFound
    found = await _one(session, col(QrCode.scene) == symbols.lower(), col(QrCode.typed).is_(True))
    if found is None:
        raise NotFound
    return found


async def _one(session: AsyncSession, *where: sa.ColumnElement[bool], lock: bool = False) -> tuple[QrCode, datetime] | None:
    """A code as it is now, and what time it is."""
    statement = sa.select(QrCode, NOW).where(*where).execution_options(populate_existing=True)
    found = (await session.exec(statement.with_for_update() if lock else statement)).first()
    return None if found is None else (found[0], found[1])


def usable() -> sa.ColumnElement[bool]:
    """`workflow.state` is ACTIVE, as a condition that the database judges."""
    return sa.and_(
        col(QrCode.active),
        sa.or_(col(QrCode.expires_at).is_(None), col(QrCode.expires_at) > NOW),
        sa.or_(col(QrCode.max_uses).is_(None), col(QrCode.uses) < col(QrCode.max_uses)),
    )


async def refuse(session: AsyncSession, *, qrcode_id: UUID) -> None:
    """Raises QrcodeInactive with the reason why a code was not usable a moment ago."""
    found = await _one(session, col(QrCode.id) == qrcode_id)
    if found is not None:
        workflow.require_usable(*found)
    raise QrcodeInactive


async def access(session: AsyncSession, *, principal: Principal, qrcode_id: UUID) -> tuple[QrCode, datetime]:
    """Locks a code in the caller's scope; with the time of the database. Raises NotFound elsewhere."""
    found = await _one(session, col(QrCode.id) == qrcode_id, _in_scope(principal), lock=True)
    if found is None:
        raise NotFound
    return found


async def access_invitation(session: AsyncSession, *, organisation_id: UUID, invitation_id: UUID) -> tuple[QrCode, datetime]:
    """Locks an organisation's invitation; with the time of the database. Raises NotFound for another one's."""
    found = await _one(session, col(QrCode.id) == invitation_id, *_invitation_of(organisation_id), lock=True)
    if found is None:
        raise NotFound
    return found


async def lock(session: AsyncSession, *, qrcode_id: UUID) -> tuple[QrCode, datetime]:
    """Locks a code, whosever it is; with the time of the database. Raises NotFound."""
    found = await _one(session, col(QrCode.id) == qrcode_id, lock=True)
    if found is None:
        raise NotFound
    return found


async def issued(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> Sequence[QrCode]:
    """The codes in the caller's scope, newest first, one more than `limit`. Some are listed by the feature that issues them."""
    statement = sa.select(QrCode).where(col(QrCode.purpose).not_in(ELSEWHERE), _in_scope(principal))
    return await _page(session, statement, limit, after)


async def invitations(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, limit: int, after: UUID | None
) -> Sequence[QrCode]:
    """An organisation's, newest first, one more than `limit`. Raises NotFound for who may not give them out."""
    if not await ports.provider_of(Purpose.REGISTRATION).may_issue(session, principal, organisation_id):
        raise NotFound
    return await _page(session, sa.select(QrCode).where(*_invitation_of(organisation_id)), limit, after)


async def _page(session: AsyncSession, statement: sa.Select[Any], limit: int, after: UUID | None) -> Sequence[QrCode]:
    if after is not None:
        statement = statement.where(col(QrCode.id) < after)
    found = await session.exec(statement.order_by(col(QrCode.id).desc()).limit(limit + 1))
    return found.scalars().all()


def _invitation_of(organisation_id: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return col(QrCode.target_id) == organisation_id, col(QrCode.typed).is_(True)


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
