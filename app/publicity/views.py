"""Lists as answers."""

from collections.abc import Sequence
from typing import Any

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.members import masking
from app.members import queries as members_queries
from app.publicity import queries, queries_shortlists, workflow
from app.publicity.models import PublicityList, PublicityObjection, Shortlist
from app.publicity.queries import Shown


def _masked(one: Shown) -> str:
    return masking.mask_name(one.name) if one.name else "*"


def _head(published: PublicityList) -> dict[str, Any]:
    return {
        "year": published.year, "quarter": published.quarter, "published_at": published.published_at,
        "objections_until": published.objections_until, "next_cursor": None,
    }


async def publicity(session: AsyncSession, published: PublicityList) -> dict[str, Any]:
    """What everybody reads."""
    people = await queries.lines(session, list_id=published.id)
    return _head(published) | {"items": [{"name": _masked(one), "points": one.row.points} for one in people]}


async def staff_lines(session: AsyncSession, published: PublicityList) -> dict[str, Any]:
    people = await queries.lines(session, list_id=published.id, struck=True)
    return _head(published) | {
        "items": [
            {
                "member_id": one.member_id, "name": one.name, "shown_as": _masked(one), "points": one.row.points,
                "events": one.row.events, "struck_at": one.row.struck_at,
            }
            for one in people
        ]
    }


async def objections(session: AsyncSession, principal: Principal, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Of (objection, what was said, what was answered)."""
    aliases = await members_queries.aliases(session, [row.member_id for row, _, _ in rows])
    return [
        {
            "id": row.id, "status": row.status, "at": row.created_at, "member": aliases[row.member_id], "reason": reason,
            "answer": answer, "answered_at": row.answered_at, "allowed": workflow.answerable(principal, row),
        }
        for row, reason, answer in rows
    ]


async def objection(session: AsyncSession, principal: Principal, row: PublicityObjection) -> dict[str, Any]:
    told = await queries.objection(session, objection_id=row.id)
    return (await objections(session, principal, [told]))[0]


async def shortlists(session: AsyncSession, principal: Principal, rows: Sequence[Shortlist]) -> list[dict[str, Any]]:
    areas = await areas_queries.by_ids(session, [row.area_id for row in rows])
    return [
        {
            "id": row.id, "title": row.title, "year": row.year, "as_of": row.as_of,
            "area": {"id": row.area_id, "name": areas[row.area_id].name},
            "rule": {
                "min_points": row.min_points, "min_active_months": row.min_active_months, "rules": row.rules,
                "exclude_false_reports": row.exclude_false_reports,
            },
            "status": row.status, "at": row.created_at, "decided_at": row.decided_at, "version": row.version,
            "allowed": ["decide"] if workflow.may_decide(principal, row) else [],
        }
        for row in rows
    ]


async def shortlist(session: AsyncSession, principal: Principal, row: Shortlist) -> dict[str, Any]:
    """With its candidates, by their full names."""
    facts = {
        "meets": True, "active_months": True if row.min_active_months else None,
        "no_false_reports": True if row.exclude_false_reports else None,
    }
    people = await queries_shortlists.candidates(session, shortlist_id=row.id)
    candidates = [{"member_id": one.member_id, "name": one.name, "chosen": one.row.chosen, "facts": facts} for one in people]
    told = {"note": queries_shortlists.note(session, row), "candidates": candidates}
    return (await shortlists(session, principal, [row]))[0] | told
