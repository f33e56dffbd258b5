"""Writing audit events. Who acts, under which request, stands in `session.info`, put there by the pipeline or the job worker."""

from typing import Any
from uuid import UUID

from app.audit.models import AuditEvent
from app.db.session import AsyncSession


def record(
    session: AsyncSession, action: str, *, object_kind: str, object_id: UUID | None, area_path: str | None = None, outcome: str = "ok",
    reason: str | None = None, actor_id: UUID | None = None, **facts: Any,
) -> None:
    """Adds one event to the unit of work: it is written at the next flush, and the act fails when it cannot be.

    `action` is `feature.verb`; `facts` are ids, codes and amounts. `actor_id` is for acts before a principal exists (sign-in).
    """
    actor = session.info.get("actor", {})
    session.add(
        AuditEvent(
            actor_kind=actor.get("kind", "anonymous"), actor_id=actor_id or actor.get("id"), session_id=actor.get("session_id"),
            action=action, object_kind=object_kind, object_id=object_id, area_path=area_path, outcome=outcome, reason=reason, facts=facts,
            request_id=session.info.get("request_id"), address=session.info.get("address"),
        )
    )
