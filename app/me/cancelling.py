"""Cancelling and restoring an account."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth import queries as auth_queries
from app.auth import service as auth_service
from app.auth.principal import AccountStatus, Principal
from app.db.session import AsyncSession
from app.errors import InvalidTransition
from app.me import workflow
from app.members import workflow as members_workflow
from app.points import queries as points_queries
from app.redemptions import queries as redemptions_queries
from app.redemptions import service as redemptions_service
from app.registrations import queries as registrations_queries
from app.reports import queries as reports_queries


@dataclass(frozen=True, slots=True)
class Closing:
    """What is open and will be given up. Orders end at once and their points come back; the rest stands until the erasure.

    Open reports are dealt with to their end, without their reporter. `points` are those that lapse with the account.
    """

    orders: int
    reports: int
    registrations: int
    points: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    erase_on: date
    closing: Closing


async def cancel(session: AsyncSession, *, principal: Principal) -> Cancelled:
    """Begins the cancellation; asked again, the day of erasure stays. Live orders and all sessions end.

    The account is locked before the orders, against the usual order: a restore and the erasure wait here, and nothing that holds an order
    ever waits for an account. Raises Forbidden for console accounts.
    """
    members_workflow.require_member(principal)
    me = principal.account_id
    account = await auth_queries.lock_account(session, me)
    closing = await _closing(session, me)
    erase_on = account.erase_on
    if account.status is not AccountStatus.CANCELLING or erase_on is None:
        erase_on = workflow.erasure_day(clock.today())
        await redemptions_service.cancel_live(session, member_id=me)
        await auth_service.set_status(session, account_id=me, status=AccountStatus.CANCELLING, erase_on=erase_on)
        audit_service.record(session, "me.cancel", object_kind="account", object_id=me, erase_on=erase_on.isoformat())
    await auth_service.end_sessions(session, account_id=me, reason="cancelled")
    return Cancelled(erase_on, closing)


async def restore(session: AsyncSession, *, principal: Principal) -> None:
    """Takes a cancellation back. Raises InvalidTransition where there is none."""
    account = await auth_queries.lock_account(session, principal.account_id)
    if account.status is not AccountStatus.CANCELLING:
        raise InvalidTransition(state=account.status, allowed=workflow.allowed(account.status, account.kind))
    await auth_service.set_status(session, account_id=account.id, status=AccountStatus.ACTIVE, erase_on=None)
    audit_service.record(session, "me.restore", object_kind="account", object_id=account.id)


async def _closing(session: AsyncSession, member_id: UUID) -> Closing:
    standing = await points_queries.standing(session, member_id=member_id)
    return Closing(
        orders=len(await redemptions_queries.live(session, member_id=member_id)),
        reports=await reports_queries.open_count(session, member_id=member_id),
        registrations=int(await registrations_queries.open_of(session, member_id=member_id) is not None),
        points=standing.available + standing.held,
    )
