"""Items as answers. Text and photo are read from where they live, as they are now."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.moderation import workflow
from app.moderation.models import ItemKind
from app.moderation.queries import Seen
from app.reports import queries_texts as reports_queries_texts
from app.reports import texts as reports_texts
from app.uploads import links
from app.uploads import queries as uploads_queries
from app.uploads.models import Upload


async def shown(session: AsyncSession, rows: Sequence[Seen]) -> list[dict[str, Any]]:
    items = [row.item for row in rows]
    current = set((await reports_queries_texts.editions(session, _ids(rows, ItemKind.TEXT, "owner_id"))).values())
    uploads = await uploads_queries.by_ids(session, _ids(rows, ItemKind.PHOTO, "edition_id"))
    called = await members_queries.aliases(session, {one for item in items for one in (item.author_id, item.decided_by) if one})
    return [
        {
            "id": item.id, "kind": item.kind, "reason": item.reason, "status": item.status,
            "owner": {"type": item.owner_type, "id": item.owner_id, "title": row.report.number if row.report else row.name},
            "text": reports_texts.description(session, row.report) if row.report and item.edition_id in current else None,
            "photo": _photo(session, row, upload), "label": upload.label if upload else None,
            "author": called.get(item.author_id) if item.author_id else None, "at": item.created_at, "decided_at": item.decided_at,
            "decided_by": called.get(item.decided_by) if item.decided_by else None, "note": row.note, "version": item.version,
            "allowed": workflow.allowed(item),
        }
        for row in rows
        for item, upload in [(row.item, uploads.get(row.item.edition_id))]
    ]


async def one(session: AsyncSession, row: Seen) -> dict[str, Any]:
    return (await shown(session, [row]))[0]


def _ids(rows: Sequence[Seen], kind: ItemKind, name: str) -> set[UUID]:
    return {getattr(row.item, name) for row in rows if row.item.kind is kind}


def _photo(session: AsyncSession, row: Seen, upload: Upload | None) -> Any:
    """None once it hangs on something else."""
    if upload is None or upload.owner_id != row.item.owner_id:
        return None
    return links.pictures(session, [upload], whole=True)[0]
