"""Rows of announcements as answers: what their readers see of them, and what those who look after them see."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from app import clock
from app.announcements import queries, workflow
from app.announcements.models import Announcement
from app.announcements.schemas import AnnouncementBrief, AnnouncementOut
from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.organisations import queries as organisations_queries
from app.schemas import named
from app.uploads import links
from app.uploads import queries as uploads_queries


async def listed(session: AsyncSession, principal: Principal, rows: Sequence[Announcement]) -> list[AnnouncementBrief]:
    today = clock.today()
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    read = await queries.read_by(session, {row.id for row in rows}, member_id=principal.account_id)
    return [
        AnnouncementBrief.model_validate(
            {
                "id": row.id, "kind": row.kind, "title": row.title, "summary": workflow.summary(row.body),
                "area": named(areas[row.area_id]), "at": row.publish_at, "pinned": workflow.pinned(row, today), "read": row.id in read,
            }
        )
        for row in rows
    ]


async def shown(session: AsyncSession, principal: Principal, rows: Sequence[Announcement]) -> list[AnnouncementOut]:
    ids = {row.id for row in rows}
    now = await queries.now(session)
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    addressed = await queries.organisations_of(session, ids)
    organisations = await organisations_queries.by_ids(session, {one for group in addressed.values() for one in group})
    tallies = await queries.tallies(session, ids)
    read = await queries.read_by(session, ids, member_id=principal.account_id)
    photos = await uploads_queries.photos(session, ids)
    answers = []
    for row in rows:
        to = addressed.get(row.id, [])
        manages = workflow.manages(principal, row, to)
        state = workflow.status(row, now)
        behind = {
            "occupations": row.occupations, "organisations": [named(organisations[one]) for one in to],
            "totals": workflow.totals(tallies.get(row.id)), "allowed": list(workflow.ALLOWED[state]),
        }
        answers.append(
            AnnouncementOut.model_validate(
                _text(row, read) | {"status": state, "area": named(areas[row.area_id])}
                | (behind if manages else {"occupations": None, "organisations": None, "totals": None, "allowed": []})
                | {"photos": links.pictures(session, photos.get(row.id, ()), whole=manages)}
            )
        )
    return answers


async def one(session: AsyncSession, principal: Principal, row: Announcement) -> AnnouncementOut:
    return (await shown(session, principal, [row]))[0]


def _text(row: Announcement, read: Collection[UUID]) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind, "title": row.title, "body": row.body, "at": row.publish_at, "pinned_until": row.pinned_until,
        "pinned": workflow.pinned(row, clock.today()), "read": row.id in read, "version": row.version,
    }
