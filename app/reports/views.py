"""Rows of reports as answers: who sees what of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.pagination import PageQuery
from app.points import views as points_views
from app.reports import likeness, queries, queries_lines, texts, views_desk, views_eyes, workflow
from app.reports.likeness import Match
from app.reports.models import Report
from app.reports.queries_lines import Line
from app.reports.service.entering import Entered
from app.reports.sights import Near, Outline, Sight
from app.reports.words import ActorRole, Status, TextCheck
from app.schemas import named
from app.uploads import links, photos
from app.uploads import queries as uploads_queries
from app.uploads.models import Checked, Upload
from app.uploads.photos import Photo
from app.uploads.schemas import PhotoOut

KINDS: dict[str, links.Kind] = {"report_before": "before", "report_after": "after", "report_reopen": "reopen"}


def filed(report: Entered, *, community: Any, grid: Any, duplicates: Sequence[Match]) -> dict[str, Any]:
    """The answer to a report that was just made: its caller can only be its reporter."""
    facts = workflow.Facts(status=report.status, now=report.created_at)
    return {
        "id": report.id, "number": report.number, "status": report.status, "version": report.version, "community": named(community),
        "grid": named(grid), "due": _due(report), "possible_duplicates": [likeness.shown(match) for match in duplicates],
        "allowed": workflow.allowed(frozenset({ActorRole.REPORTER}), facts),
    }


def page(session: AsyncSession, principal: Principal, found: Sequence[Line], paging: PageQuery) -> dict[str, Any]:
    rows, cursor = paging.cut(found, lambda line: line.report.id)
    return {"items": items(session, principal, rows), "next_cursor": cursor}


def items(session: AsyncSession, principal: Principal, rows: Sequence[Line]) -> list[dict[str, Any]]:
    """Lines of a list, with the first photo of each."""
    return [_base(session, principal, line) | {"photo": next(_photos(session, principal, line, line.photos), None)} for line in rows]


async def one(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """The report as the caller sees it now. Raises NotFound."""
    return await whole(session, principal, await queries_lines.access(session, principal=principal, report_id=report_id))


async def handed_over(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """The report for whoever has just handed it over, and may not see it any more."""
    return await whole(session, principal, await queries_lines.seen_by(session, principal=principal, report_id=report_id))


async def whole(session: AsyncSession, principal: Principal, line: Line) -> dict[str, Any]:
    """Of a report that the caller may see."""
    report, row, staff = line.report, line.row, views_eyes.staff(principal, line)
    shown = list(_photos(session, principal, line, line.photos))
    into, higher = report.merged_into, report.escalated_to
    return {
        **_base(session, principal, line), **views_desk.beside(session, principal, line),
        "photo": shown[0] if shown else None, "photos": shown,
        "photos_withheld": len(line.photos) - len(shown), "occurred_at": report.occurred_at,
        "request": _request(row), "reporter": await views_eyes.reporter(session, principal, line),
        "merged_into": {"id": into, "number": row["merged_number"]} if into else None,
        "reject_reason": report.reject_reason, "suspended_until": report.suspended_until, "accepted_at": report.accepted_at,
        "resolved_at": report.resolved_at, "closed_at": report.ended_at if report.status is Status.CLOSED else None,
        "rework_count": report.rework_count, "extension_count": report.extension_count, "reopen_count": report.reopen_count,
        "satisfied": report.satisfied, "rating": report.rating, **_points(principal, line),
        "text_check": report.text_check if staff else None,
        "escalated_to": {"id": higher, "name": row["escalated_name"]} if higher and staff else None,
        "second_look": _second_look(row) if ActorRole.REVIEWER in line.parts(principal) else None,
    }


def _second_look(row: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"status": row["look_status"], "drawn_at": row["look_drawn_at"]} if row["look_status"] else None


def _base(session: AsyncSession, principal: Principal, line: Line) -> dict[str, Any]:
    report, row, exact = line.report, line.row, views_eyes.exact(principal, line)
    described, address = sentences(session, principal, line, exact=exact)
    code, grid_id = report.category_code, report.grid_id
    return {
        "id": report.id, "number": report.number, "status": report.status, "version": report.version,
        "category": {"code": code, "name": row["category"]} if code else None, "severity": report.severity, "description": described,
        "location": views_eyes.place(report, exact=exact), "address": address,
        "community": {"id": report.community_id, "name": row["community"]},
        "grid": {"id": grid_id, "name": row["grid"]} if grid_id else None, "due": _due(report),
        "overdue": workflow.overdue(report.status, report.due_at, line.now),
        "assignee": line.called(session, "assignee") if views_eyes.staff(principal, line) else None,
        "joined_count": row["joined_count"], "mine": report.member_id == principal.account_id, "joined": line.joined,
        "request_pending": line.asked_by is not None, "created_at": report.created_at,
        "allowed": workflow.allowed(line.parts(principal), line.facts(principal.account_id)),
    }


def sentences(session: AsyncSession, principal: Principal, seen: Line, *, exact: bool) -> tuple[str | None, str | None]:
    """Description and address as the caller is shown them; `exact` as `views_eyes.exact` says."""
    return _description(session, principal, seen), texts.address(session, seen.report) if exact else None


def _request(row: Mapping[str, Any]) -> dict[str, Any] | None:
    names = ("id", "kind", "reason", "until", "at")
    return {name: row[f"request_{name}"] for name in names} if row["request_id"] else None


def _points(principal: Principal, seen: Line) -> dict[str, Any]:
    """What the caller got for this report, and why not more; a reviewer reads what its reporter got."""
    report, nothing = seen.report, {"points_awarded": None, "award": None}
    own = seen.joined or report.member_id == principal.account_id
    if not own and ActorRole.REVIEWER not in seen.parts(principal):
        return nothing
    if report.accepted_rule is None:
        return nothing | {"points_awarded": 0 if own else None}
    rows = seen.awards
    return {
        "points_awarded": sum(row.credited for row in rows) if own else None, "award": points_views.outcome(rows, own=own),
    }


def _due(report: Report | Outline | Entered) -> dict[str, Any] | None:
    return None if report.due_stage is None else {"stage": report.due_stage, "at": report.due_at}


def _description(session: AsyncSession, principal: Principal, seen: Sight) -> str | None:
    """A text that WeChat found risky goes to its author and to officials only."""
    stranger = seen.joined and seen.report.member_id != principal.account_id
    return None if stranger and seen.report.text_check is TextCheck.RISKY else texts.description(session, seen.report)


def _photos(session: AsyncSession, principal: Principal, seen: Sight, uploads: Sequence[Upload | Photo]) -> Iterator[PhotoOut]:
    """Before, after, reopening; what has not passed the content check goes to few (`views_eyes.shows`)."""
    for upload in sorted(uploads, key=lambda one: list(KINDS).index(str(one.kind))):
        passed, risky = upload.checked is Checked.PASS, upload.checked is Checked.RISKY
        if views_eyes.shows(principal, seen, sender=upload.member_id, passed=passed, risky=risky):
            yield links.photo(session, upload, KINDS[str(upload.kind)])


async def timeline(session: AsyncSession, principal: Principal, report_id: UUID) -> list[dict[str, Any]]:
    """Every step, oldest first. Raises NotFound."""
    seen = await queries.access(session, principal=principal, report_id=report_id)
    uploads = await uploads_queries.photos(session, [report_id])
    shown = {photo.id: photo for photo in _photos(session, principal, seen, uploads.get(report_id, ()))}
    return [
        {
            "at": event.created_at, "actor_role": event.actor_role.value, "command": event.command, "from": event.from_status,
            "to": event.to_status, "note": note, "photos": [shown[one] for one in event.upload_ids if one in shown],
        }
        for event, note in await queries.timeline(session, report_id=report_id)
    ]


def nearby(session: AsyncSession, found: Sequence[Near]) -> list[dict[str, Any]]:
    """For everybody: what was accepted shows its text and photos, as far as they passed the content check."""
    return [
        {
            "id": near.id, "category": {"code": near.category_code, "name": near.category} if near.category_code else None,
            "severity": near.severity, "status": near.status, "location": views_eyes.place(near, exact=near.exact),
            "distance_m": near.distance_m, "created_at": near.created_at,
            "age_minutes": int((near.now - near.created_at).total_seconds() // 60),
            "description": texts.description(session, near) if public and near.text_check is TextCheck.PASS else None,
            "photos": _public_photos(session, near) if public else [],
        }
        for near in found
        for public in [near.status in workflow.PUBLIC]
    ]


def _public_photos(session: AsyncSession, near: Near) -> list[PhotoOut]:
    shown = (one for one in photos.read(near.photos) if one.checked is Checked.PASS and one.kind == "report_before")
    return [links.photo(session, one, "before") for one in shown]
