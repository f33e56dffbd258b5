"""Issuing printed codes and putting them out of use."""

from uuid import UUID

from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.errors import Forbidden, InvalidTransition, expect_version
from app.qrcodes import ports, queries, workflow
from app.qrcodes.models import Purpose, QrCode


async def issue(session: AsyncSession, *, principal: Principal, purpose: Purpose, target_id: UUID, title: str | None) -> QrCode:
    """Makes a code for a thing; one thing may have many. Raises ValidationFailed for a purpose without things, NotFound, Forbidden."""
    if not await ports.provider_of(purpose).may_issue(session, principal, target_id):
        raise Forbidden
    code = QrCode(scene=workflow.new_scene(), purpose=purpose, target_id=target_id, title=title, issued_by=principal.account_id)
    session.add(code)
    audit_service.record(
        session, "qrcode.issue", object_kind="qrcode", object_id=code.id, purpose=purpose.value, target_id=str(target_id)
    )
    await session.flush()
    return code


async def deactivate(session: AsyncSession, *, principal: Principal, qrcode_id: UUID, seen: int | None) -> QrCode:
    """From now on a scan is told that the code is out of use. Raises NotFound, Forbidden, VersionMismatch, InvalidTransition."""
    code = await queries.access(session, principal=principal, qrcode_id=qrcode_id)
    if not await ports.provider_of(code.purpose).may_issue(session, principal, code.target_id):
        raise Forbidden
    expect_version(seen, code.version)
    if not code.active:
        raise InvalidTransition(state="inactive", allowed=[])
    code.active, code.version = False, code.version + 1
    session.add(code)
    audit_service.record(session, "qrcode.deactivate", object_kind="qrcode", object_id=code.id, purpose=code.purpose.value)
    await session.flush()
    return code
