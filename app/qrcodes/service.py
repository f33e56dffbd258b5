"""Issuing printed codes, counting their uses, and putting them out of use."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, expect_version
from app.qrcodes import links, ports, queries, workflow
from app.qrcodes.links import Link
from app.qrcodes.models import Purpose, QrCode
from app.qrcodes.schemas import InvitationIn
from app.qrcodes.workflow import State
from app.sms import service as sms_service
from app.sms.models import SmsTemplate


async def issue(
    session: AsyncSession, *, principal: Principal, purpose: Purpose, target_id: UUID, title: str | None,
    expires_at: datetime | None = None, max_uses: int | None = None,
) -> QrCode:
    """Makes a code for a thing; one thing may have many.

    Raises ValidationFailed for a purpose without things or an expiry that is past, NotFound, Forbidden, Conflict for one that is over.
    """
    workflow.require_future(expires_at, clock.now())
    await ports.expect_issuer(session, principal, purpose=purpose, target_id=target_id)
    return await make(
        session, purpose=purpose, target_id=target_id, title=title, issued_by=principal.account_id, expires_at=expires_at, max_uses=max_uses
    )


async def make(
    session: AsyncSession, *, purpose: Purpose, target_id: UUID, title: str | None, issued_by: UUID,
    expires_at: datetime | None = None, max_uses: int | None = None, typed_scene: str | None = None,
) -> QrCode:
    """Makes a code without asking who may: for features that issue codes of their own. `typed_scene` makes it an invitation."""
    code = QrCode(
        scene=typed_scene or workflow.new_scene(), purpose=purpose, target_id=target_id, title=title, issued_by=issued_by,
        expires_at=expires_at, max_uses=max_uses, typed=typed_scene is not None,
    )
    session.add(code)
    audit_service.record(
        session, "qrcode.issue", object_kind="qrcode", object_id=code.id, purpose=purpose.value, target_id=str(target_id),
        max_uses=max_uses,
    )
    await session.flush()
    return code


async def use(session: AsyncSession, *, qrcode_id: UUID) -> None:
    """Counts one use, in one conditional statement: a code never has more than it is good for, however many come at once.

    The code stays locked until the caller commits: call it late. Raises QrcodeInactive when the code is revoked, expired or used up.
    """
    used = await session.exec(
        sa.update(QrCode)
        .where(col(QrCode.id) == qrcode_id, queries.usable())
        .values(uses=col(QrCode.uses) + 1)
        .execution_options(synchronize_session=False)
    )
    if not used.rowcount:
        await queries.refuse(session, qrcode_id=qrcode_id)


async def require_inviter(session: AsyncSession, *, principal: Principal, organisation_id: UUID) -> None:
    """Raises NotFound for an unknown organisation, Forbidden for who may not take people in for it, Conflict for a dissolved one."""
    await ports.expect_issuer(session, principal, purpose=Purpose.REGISTRATION, target_id=organisation_id)


async def invite(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, told: InvitationIn, scene: str, link: Link | None
) -> QrCode:
    """Makes an invitation: a registration code whose `scene` people may type. `link` was asked from WeChat before. Raises as above.

    With a phone it goes there by SMS, and is for one person unless said otherwise. Raises RateLimited for a number that had one just now.
    """
    await require_inviter(session, principal=principal, organisation_id=organisation_id)
    code = await make(
        session, purpose=Purpose.REGISTRATION, target_id=organisation_id, title=told.title, issued_by=principal.account_id,
        expires_at=told.expiry(clock.now()), max_uses=told.max_uses or (1 if told.phone else None), typed_scene=scene,
    )
    if told.phone is not None:
        await sms_service.ask(
            session, phone=told.phone, template=SmsTemplate.INVITATION, params=[scene], about=("qrcode", code.id)
        )
    if link is not None:
        await links.keep(session, qrcode_id=code.id, link=link)
    return code


async def deactivate(session: AsyncSession, *, principal: Principal, qrcode_id: UUID, seen: int | None) -> QrCode:
    """From now on a scan is told that the code is out of use. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    code, now = await queries.access(session, principal=principal, qrcode_id=qrcode_id)
    if not await ports.provider_of(code.purpose).may_issue(session, principal, code.target_id):
        raise Forbidden
    return await _revoke(session, code, now, seen)


async def revoke_invitation(
    session: AsyncSession, *, principal: Principal, organisation_id: UUID, invitation_id: UUID, seen: int | None
) -> QrCode:
    """From now on nobody comes in by it. Uses do not change its version. Raises as `deactivate`."""
    code, now = await queries.access_invitation(session, organisation_id=organisation_id, invitation_id=invitation_id)
    if not await ports.provider_of(Purpose.REGISTRATION).may_issue(session, principal, organisation_id):
        raise Forbidden
    return await _revoke(session, code, now, seen)


async def stop(session: AsyncSession, *, qrcode_id: UUID) -> None:
    """Puts a code out of use for the feature that made it, which has asked who may. One that is out of use stays as it is."""
    code, now = await queries.lock(session, qrcode_id=qrcode_id)
    if workflow.state(code, now) is State.ACTIVE:
        await _revoke(session, code, now, None)


async def _revoke(session: AsyncSession, code: QrCode, now: datetime, seen: int | None) -> QrCode:
    """`code` is locked."""
    expect_version(seen, code.version)
    workflow.require_revocable(code, now)
    code.active, code.version = False, code.version + 1
    session.add(code)
    audit_service.record(session, "qrcode.deactivate", object_kind="qrcode", object_id=code.id, purpose=code.purpose.value)
    await session.flush()
    return code
