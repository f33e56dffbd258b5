"""Rows of the inbox as answers."""

from app.messages.models import Message
from app.messages.schemas import MessageOut


def message(row: Message) -> MessageOut:
    reference = {"type": row.reference_type, "id": row.reference_id, "number": row.reference_number} if row.reference_id else None
    return MessageOut.model_validate(
        {
            "id": row.id, "category": row.category, "title": row.title, "body": row.body, "path": row.path, "reference": reference,
            "read_at": row.read_at, "at": row.created_at,
        }
    )
