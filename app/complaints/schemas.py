"""Bodies and answers of complaints."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.complaints.models import Kind, Status
from app.schemas import Body, Instant, Out, Text
from app.uploads.schemas import UploadOut

EXAMPLE: dict[str, Any] = {
    "id": "01933c5e-7a00-7000-8000-000000000009", "kind": "suggestion", "status": "answered", "text": "希望驿站增加换电柜", "photos": [],
    "answer": "已列入下月计划，谢谢您的建议。", "answered_at": "2026-11-25T02:00:00Z", "due_at": "2026-12-08T02:00:00Z", "overdue": False,
    "member": None, "at": "2026-11-24T02:00:00Z", "version": 2, "allowed": [],
}


class ComplaintIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"kind": "suggestion", "text": "希望驿站增加换电柜", "upload_ids": []}]}}

    kind: Kind
    text: Text
    upload_ids: Annotated[list[UUID], Field(max_length=9)] = []


class AnswerIn(Body):
    model_config = {"json_schema_extra": {"examples": [{"answer": "已列入下月计划，谢谢您的建议。"}]}}

    answer: Text


class ComplaintOut(Out):
    """`member` is the alias of the writer, for staff; null in one's own list. The texts of an erased person are null.

    `due_at`: by then it is to be answered, `overdue` when that has passed without an answer.
    """

    model_config = {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: UUID
    kind: Kind
    status: Status
    text: str | None
    photos: list[UploadOut]
    answer: str | None
    answered_at: Instant | None
    due_at: Instant | None
    overdue: bool
    member: str | None
    at: Instant
    version: int
    allowed: list[str]
