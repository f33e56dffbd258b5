"""Bodies and answers of the human queue."""

from typing import Any
from uuid import UUID

from app.moderation.models import ItemKind, ItemStatus, OwnerType, Reason
from app.schemas import Body, Instant, Note, Out
from app.uploads.schemas import EXAMPLE, PictureOut

ID = "01933c5e-7a00-7000-8000-000000000001"
OWNER: dict[str, Any] = {"type": "report", "id": ID, "title": "R20261122-000017"}
ITEM: dict[str, Any] = {
    "id": ID, "kind": "photo", "reason": "review", "status": "waiting", "owner": OWNER, "text": None, "photo": EXAMPLE, "label": "20001",
    "author": "小哥7K3M", "at": "2026-11-29T02:00:00Z", "decided_at": None, "decided_by": None, "note": None, "version": 1,
    "allowed": ["pass", "block"],
}


class PassIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"note": "党建宣传标语，无不当内容"}]}}

    note: Note | None = None


class BlockIn(Body):
    """Why; it is kept with the item and never shown to the author."""

    model_config = {"json_schema_extra": {"examples": [{"note": "含有他人隐私"}]}}

    note: Note


class ModerationOwnerOut(Out):
    """What the text or photo belongs to; `title` is the number of a report, the name of a store or reward."""

    model_config = {"json_schema_extra": {"examples": [OWNER]}}

    type: OwnerType
    id: UUID
    title: str | None


class ModerationItemOut(Out):
    """One text or photo that people decide about. `text` or `photo` is null once it was rewritten, taken away or erased.

    `label` is WeChat's number for what it saw in a photo; `author` and `decided_by` are aliases.
    """

    model_config = {"json_schema_extra": {"examples": [ITEM]}}

    id: UUID
    kind: ItemKind
    reason: Reason
    status: ItemStatus
    owner: ModerationOwnerOut
    text: str | None
    photo: PictureOut | None
    label: str | None
    author: str | None
    at: Instant
    decided_at: Instant | None
    decided_by: str | None
    note: str | None
    version: int
    allowed: list[str]
