"""Cancelling, restoring and erasing an account; consents with what their withdrawal closes; the copy of one's data."""

from datetime import date
from typing import Any
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import AccountStatus, Principal
from app.db.session import AsyncSession
from app.errors import InvalidTransition
from app.me import workflow
from app.me.features import CLOSED_BY, FEATURES
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.members.models import Consent, Purpose
from app.redemptions import service as redemptions_service


async def consent(session: AsyncSession, *, principal: Principal, purpose: Purpose, version: str, granted: bool) -> Consent:
    """Notes a yes or a no; a no closes first what stood on the consent. No data is deleted for a no to `service`.

    Raises Forbidden for console accounts, ValidationFailed for a version that is not the current one.
    """
    members_workflow.require_member(principal)
    me = principal.account_id
    if not granted and purpose in CLOSED_BY:
        await CLOSED_BY[purpose](session, member_id=me)
    return await members_service.give_consent(session, member_id=me, purpose=purpose, version=version, granted=granted)


async def copy(session: AsyncSession, *, principal: Principal) -> dict[str, Any]:
    """Everything that is kept about the caller, by feature; the making of it is audited."""
    me = principal.account_id
    data = {feature.name: await feature.export(session, member_id=me) for feature in FEATURES}
    audit_service.record(session, "me.export", object_kind="account", object_id=me)
    return {"id": me, "exported_at": clock.now(), "data": data}


async def cancel(session: AsyncSession, *, principal: Principal) -> date:
    """Begins the cancellation and returns the day of erasure; asked again, the day stays. Live orders and all sessions end.

    The account is locked before the orders, against the usual order: a restore and the erasure wait here, and nothing that holds an order
    ever waits for an account. Raises Forbidden for console accounts.
    """
    members_workflow.require_member(principal)
    me = principal.account_id
    account = await auth_queries.lock_account(session, me)
    erase_on = account.erase_on
    if account.status is not AccountStatus.CANCELLING or erase_on is None:
        erase_on = workflow.erasure_day(clock.today())
        await redemptions_service.cancel_live(session, member_id=me)
        await auth_service.set_status(session, account_id=me, status=AccountStatus.CANCELLING, erase_on=erase_on)
        audit_service.record(session, "me.cancel", object_kind="account", object_id=me, erase_on=erase_on.isoformat())
    await auth_service.end_sessions(session, account_id=me, reason="cancelled")
    return erase_on


async def restore(session: AsyncSession, *, principal: Principal) -> None:
    """Takes a cancellation back. Raises InvalidTransition where there is none."""
    account = await auth_queries.lock_account(session, principal.account_id)
    if account.status is not AccountStatus.CANCELLING:
        raise InvalidTransition(state=account.status, allowed=workflow.allowed(account.status, account.kind))
    await auth_service.set_status(session, account_id=account.id, status=AccountStatus.ACTIVE, erase_on=None)
    audit_service.record(session, "me.restore", object_kind="account", object_id=account.id)


async def erase(session: AsyncSession, *, member_id: UUID) -> bool:
    """Erases one person in every feature, from the top down, if the day has come; False when there is nothing (more) to erase."""
    if await auth_queries.lock_to_erase(session, member_id) is None:
        return False
    for feature in FEATURES:
        await feature.forget(session, member_id=member_id)
    audit_service.record(session, "me.erase", object_kind="account", object_id=member_id)
    return True
