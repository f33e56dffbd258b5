"""Rows of the inbox and templates as answers."""

from app import clock
from app.db.session import AsyncSession
from app.messages import limits, queries
from app.messages.models import Message, MessageTemplate
from app.messages.schemas import MessageOut
from app.messages.schemas_templates import MessageTemplateOut, TemplatePreviewIn, TemplatePreviewOut


def message(row: Message) -> MessageOut:
    reference = {"type": row.reference_type, "id": row.reference_id, "number": row.reference_number} if row.reference_id else None
    return MessageOut.model_validate(
        {
            "id": row.id, "category": row.category, "title": row.title, "body": row.body, "path": row.path, "reference": reference,
            "read_at": row.read_at, "at": row.created_at,
        }
    )


async def template(session: AsyncSession, row: MessageTemplate) -> MessageTemplateOut:
    """For its administrator."""
    return MessageTemplateOut.model_validate(
        {
            "template_id": row.template_id, "category": row.category, "title": row.title, "moment": row.moment, "fields": row.fields,
            "active": row.active, "quiet_from": f"{row.quiet_from:%H:%M}", "quiet_until": f"{row.quiet_until:%H:%M}",
            "moments": list(await queries.moments(session, category=row.category)), "version": row.version,
            "allowed": ["update", "preview"],
        }
    )


def preview(row: MessageTemplate, asked: TemplatePreviewIn) -> TemplatePreviewOut:
    title = row.title if limits.discloses(asked.title) else asked.title
    values = limits.shown(asked.fields or row.fields, title=title, number=asked.number, at=asked.at or clock.now())
    return TemplatePreviewOut.model_validate({"title": title, "values": values})
