"""Rows of complaints as answers."""

from collections.abc import Sequence

from app import clock
from app.auth.principal import Principal
from app.complaints import queries, workflow
from app.complaints.models import Complaint
from app.complaints.schemas import ComplaintOut
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.uploads import links
from app.uploads import queries as uploads_queries


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Complaint]) -> list[ComplaintOut]:
    """The writer needs no name for oneself; whoever answers reads an alias."""
    now = clock.now()
    photos = await uploads_queries.photos(session, [row.id for row in rows])
    aliases = await members_queries.aliases(session, [row.member_id for row in rows if row.member_id != principal.account_id])
    return [
        ComplaintOut.model_validate(
            {
                "id": row.id, "kind": row.kind, "status": row.status, "text": queries.text(session, row),
                "photos": [links.uploaded(session, photo) for photo in photos.get(row.id, [])], "answer": queries.answer(session, row),
                "answered_at": row.answered_at, "due_at": row.due_at, "overdue": workflow.overdue(row, now),
                "member": aliases.get(row.member_id), "at": row.created_at, "version": row.version,
                "allowed": workflow.allowed(principal, row),
            }
        )
        for row in rows
    ]


async def one(session: AsyncSession, principal: Principal, row: Complaint) -> ComplaintOut:
    return (await shown(session, principal, [row]))[0]
