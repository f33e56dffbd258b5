"""Cancelling, restoring and erasing an account; consents with what their withdrawal closes; the copy of one's data."""

from typing import Any
from uuid import UUID

from app import clock
from app.audit import service as audit_service
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.me import workflow
from app.me.cancelling import cancel, restore
from app.me.erasure import enter, erase, rehearse, repeat
from app.me.features import CLOSED_BY, FEATURES
from app.members import service as members_service
from app.members import workflow as members_workflow
from app.members.models import Consent, Purpose
from app.registrations import queries as registrations_queries

__all__ = ["cancel", "consent", "copy", "enter", "erase", "rehearse", "repeat", "restore"]


async def consent(
    session: AsyncSession, *, principal: Principal, purpose: Purpose, version: str, granted: bool
) -> tuple[Consent, list[dict[str, str | None]]]:
    """Notes a yes or a no; a no closes first what stood on the consent, and tells it. No data is deleted for a no to `service`.

    Raises Forbidden for console accounts, ValidationFailed for a version that is not the current one.
    """
    members_workflow.require_member(principal)
    me = principal.account_id
    closed = [] if granted else await _close(session, member_id=me, purpose=purpose, stood=purpose in principal.consented)
    said = await members_service.give_consent(session, member_id=me, purpose=purpose, version=version, granted=granted)
    return said, closed


async def _close(session: AsyncSession, *, member_id: UUID, purpose: Purpose, stood: bool) -> list[dict[str, str | None]]:
    """What needs no closing is asked for its consent whenever it is done: it has ended with the no."""
    before = after = None
    if purpose in CLOSED_BY:
        before = await registrations_queries.current(session, member_id=member_id)
        await CLOSED_BY[purpose](session, member_id=member_id)
        after = await registrations_queries.current(session, member_id=member_id)
    ended = before["number"] if before is not None and after is None else None
    return workflow.closed_by_withdrawal(purpose, stood=stood, ended=ended)


async def copy(session: AsyncSession, *, principal: Principal) -> dict[str, Any]:
    """Everything that is kept about the caller, by feature; the making of it is audited."""
    me = principal.account_id
    data = {feature.name: await feature.export(session, member_id=me) for feature in FEATURES}
    audit_service.record(session, "me.export", object_kind="account", object_id=me)
    return {"id": me, "exported_at": clock.now(), "data": data}
