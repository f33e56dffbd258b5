from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, json_field


class AuditEvent(Table, table=True):
    """Ids, codes and amounts only: never a name, a phone, a place, a code or free text (reliability.md 4.7)."""

    __tablename__ = "audit_event"
    __table_args__ = (
        sa.CheckConstraint("outcome in ('ok', 'denied', 'error')", name="outcome"),
        sa.Index(None, "object_kind", "object_id"),
        sa.Index(None, "actor_id", "id"),
    )
    __mapper_args__ = {"eager_defaults": False}  # whoever writes the trail does not read it, not even when the row was made

    actor_kind: str = Field(max_length=16, description="member, console, job or anonymous")
    actor_id: UUID | None = None
    session_id: UUID | None = None
    action: str = Field(max_length=64)
    object_kind: str = Field(max_length=32)
    object_id: UUID | None = None
    area_path: str | None = None
    outcome: str = Field(max_length=8)
    reason: str | None = Field(default=None, max_length=64, description="a code, never a sentence")
    facts: dict[str, Any] = json_field()
    request_id: str | None = Field(default=None, max_length=128, description="as drawn, or ~ and a fingerprint of what a client chose")
    address: str | None = Field(default=None, max_length=64)
