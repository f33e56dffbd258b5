"""People come to work at a store by a code: given out, put out of use, accepted."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.models import AccessGrant
from app.auth.principal import AccountStatus, Principal
from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import AlreadyExists, CodeMalformed, Forbidden, NotFound, TooManyAttempts
from app.members import workflow as members_workflow
from app.qrcodes import service as qrcodes_service
from app.qrcodes import workflow as qrcodes_workflow
from app.qrcodes.errors import QrcodeInactive
from app.qrcodes.models import Purpose
from app.security import throttles, typed_codes
from app.security.throttles import Window
from app.stores import queries, queries_invitations, workflow_applications
from app.stores.models_applications import StoreInvitation
from app.stores.queries_invitations import Invited

GUESSES = Window(10, 600)  # wrong codes of one account


async def invite(
    session: AsyncSession, *, principal: Principal, store_id: UUID, role: Role, hours: int, max_uses: int
) -> Invited:
    """Makes a code by which so many people may come to work at a store. Raises NotFound, Forbidden beyond the caller's own right."""
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    if not workflow_applications.may_hire(principal, store, role):
        raise Forbidden
    invitation_id = new_id()
    code = await qrcodes_service.make(
        session, purpose=Purpose.STORE_STAFF, target_id=invitation_id, title=None, issued_by=principal.account_id,
        expires_at=clock.now() + timedelta(hours=hours), max_uses=max_uses, typed_scene=qrcodes_workflow.new_typed_scene(),
    )
    session.add(StoreInvitation(id=invitation_id, store_id=store.id, role=role, qrcode_id=code.id))
    audit_service.record(
        session, "store.invite", object_kind="store", object_id=store.id, area_path=store.area_path,
        invitation_id=str(invitation_id), role=role.value, max_uses=max_uses,
    )
    await session.flush()
    return await queries_invitations.access(session, store_id=store.id, invitation_id=invitation_id)


async def revoke(session: AsyncSession, *, principal: Principal, store_id: UUID, invitation_id: UUID) -> None:
    """From now on nobody comes in by it. One that is out of use stays so. Raises NotFound, Forbidden beyond the caller's own right."""
    store = await queries.access_run(session, principal=principal, store_id=store_id)
    invited = await queries_invitations.access(session, store_id=store.id, invitation_id=invitation_id)
    if not workflow_applications.may_hire(principal, store, invited.invitation.role):
        raise Forbidden
    await qrcodes_service.stop(session, qrcode_id=invited.code.id)


async def accept(
    session: AsyncSession, *, principal: Principal, code: str | None, scene: str | None
) -> tuple[AccessGrant, str]:
    """The caller gets the role that a code invites to; with the store's name. Of too many at once, only so many come in.

    Raises CodeMalformed, TooManyAttempts, NotFound (counted), AlreadyExists, QrcodeInactive, and Forbidden for the inviter's own.
    """
    members_workflow.require_member(principal)
    scene = scene if code is None else _scene_of(code)
    _require_not_stopped(await throttles.ages(session, _key(principal), most=GUESSES.limit))
    invited = await queries_invitations.by_scene(session, scene or "")
    if invited is None:
        raise _wrong(principal)
    invitation, store = invited.invitation, invited.store
    if principal.holds(ScopeType.STORE, store.id, invitation.role):
        raise AlreadyExists("您已经是本店人员")
    qrcodes_workflow.require_usable(invited.code, invited.now)
    if await queries_invitations.dismissed_since(session, invited, account_id=principal.account_id):
        raise QrcodeInactive("您已被移出本店，请联系店主重新邀请")
    inviter = await _inviter(session, invited)
    grant = await auth_service.grant(
        session, principal=inviter, role=invitation.role, scope_type=ScopeType.STORE, scope_id=store.id, account_id=principal.account_id
    )
    audit_service.record(
        session, "store.accept_invitation", object_kind="store", object_id=store.id, area_path=store.area_path,
        invitation_id=str(invitation.id), grant_id=str(grant.id),
    )
    await qrcodes_service.use(session, qrcode_id=invited.code.id)
    return grant, store.name


async def _inviter(session: AsyncSession, invited: Invited) -> Principal:
    """Who gave the code out, with the rights of this moment. Raises QrcodeInactive for one who could not give the role any more."""
    try:
        inviter = await auth_queries.principal_of(session, account_id=invited.code.issued_by)
    except NotFound:
        raise QrcodeInactive from None
    may = workflow_applications.may_hire(inviter, invited.store, invited.invitation.role)
    if inviter.status is not AccountStatus.ACTIVE or not may:
        raise QrcodeInactive
    return inviter


def _scene_of(code: str) -> str:
    """Raises CodeMalformed before anything is looked up."""
    symbols = typed_codes.read(code)
    if symbols is None or not typed_codes.fits(symbols):
        raise CodeMalformed("邀请码有误，请核对后重新输入")
    return symbols.lower()


def _key(principal: Principal) -> str:
    return f"store.invitation:{principal.account_id}"


def _require_not_stopped(ages: Sequence[float]) -> None:
    """Raises TooManyAttempts."""
    wait = throttles.wait_in_windows(ages, (GUESSES,))
    if wait:
        raise TooManyAttempts(retry_after=wait)


def _wrong(principal: Principal) -> NotFound:
    """The refusal of an unknown code; it outlives the refusal as a guess. Of many at once only ten hear that a code is wrong."""

    async def count(session: AsyncSession) -> None:
        await throttles.hold(session, _key(principal))
        _require_not_stopped(await throttles.ages(session, _key(principal), most=GUESSES.limit))
        await throttles.count_failure(session, _key(principal))

    refusal = NotFound("没有找到这个邀请码，请核对后重新输入")
    refusal.then(count)
    return refusal
