"""Writing audit events. Who acts, under which request, stands in `session.info`, put there by the pipeline or the job worker."""

import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import UOWTransaction

from app.audit.models import AuditEvent
from app.db.base import fresh, new_id
from app.db.lines import LINE
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.security import sealing

WRITTEN = [column.key for column in AuditEvent.metadata.tables["audit_event"].columns if column.server_default is None]
WRITE = Prepared(sa.insert(AuditEvent).values({name: sa.bindparam(name) for name in WRITTEN}))
DRAWN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def record(
    session: AsyncSession, action: str, *, object_kind: str, object_id: UUID | None, area_path: str | None = None, outcome: str = "ok",
    reason: str | None = None, actor_id: UUID | None = None, **facts: Any,
) -> None:
    """Adds one event to the unit of work: it is written at the next flush, and the act fails when it cannot be.

    `action` is `feature.verb`; `facts` are ids, codes and amounts. `actor_id` is for acts before a principal exists (sign-in).
    """
    session.add(
        fresh(
            AuditEvent, action=action, object_kind=object_kind, object_id=object_id, area_path=area_path, outcome=outcome, reason=reason,
            facts=facts, **_around(session, actor_id),
        )
    )


async def write(
    session: AsyncSession, action: str, *, object_kind: str, object_id: UUID | None, area_path: str | None = None, **facts: Any
) -> None:
    """The same of what went well, at once: on hot paths, where a flush for the event alone takes longer than to write it."""
    await WRITE.all(
        session, action=action, object_kind=object_kind, object_id=object_id, area_path=area_path, outcome="ok", reason=None, facts=facts,
        **_around(session, None),
    )


def _around(session: AsyncSession, actor_id: UUID | None) -> dict[str, Any]:
    info = session.info
    actor = info.get("actor", {})
    return {
        "id": new_id(), "actor_kind": actor.get("kind", "anonymous"), "actor_id": actor_id or actor.get("id"),
        "session_id": actor.get("session_id"), "request_id": _kept(session, info.get("request_id")), "address": info.get("address"),
    }


@event.listens_for(SyncSession, "before_flush")
def _written(session: SyncSession, context: UOWTransaction, instances: object) -> None:
    """Events go past the unit of work, which takes four times as long for a row that nobody ever changes."""
    for one in [one for one in session.new if isinstance(one, AuditEvent)]:
        session.expunge(one)
        session.connection()
        WRITE.at_once(session.info[LINE], **{name: getattr(one, name) for name in WRITTEN})


def _kept(session: AsyncSession, request_id: str | None) -> str | None:
    """A drawn id (32 hex digits, a UUID) as it is; of any other word that a client chose, a fingerprint: the trail outlives its account."""
    if not request_id or DRAWN.fullmatch(request_id):
        return request_id
    return f"~{sealing.sign(session, 'audit-request-id', request_id.encode()).hex()}"
