"""Rows of reports as answers: who sees what of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.pagination import PageQuery
from app.points import queries_awards as points_queries_awards
from app.points import views as points_views
from app.reports import likeness, queries, texts, views_desk, views_eyes, workflow
from app.reports.likeness import Match
from app.reports.models import Report, ReportRequest
from app.reports.queries import Seen
from app.reports.queries_places import Near
from app.reports.words import ActorRole, Status, TextCheck
from app.schemas import named
from app.uploads import links
from app.uploads import queries as uploads_queries
from app.uploads.models import Checked, Upload

KINDS: dict[str, links.Kind] = {"report_before": "before", "report_after": "after", "report_reopen": "reopen"}


def filed(principal: Principal, report: Report, *, community: Any, grid: Any, duplicates: Sequence[Match]) -> dict[str, Any]:
    """The answer to a report that was just made: its caller can only be its reporter."""
    facts = workflow.Facts(status=report.status, now=report.created_at)
    return {
        "id": report.id, "number": report.number, "status": report.status, "version": report.version, "community": named(community),
        "grid": named(grid), "due": _due(report), "possible_duplicates": [likeness.shown(match) for match in duplicates],
        "allowed": workflow.allowed(frozenset({ActorRole.REPORTER}), facts),
    }


async def page(session: AsyncSession, principal: Principal, found: Sequence[Seen], paging: PageQuery) -> dict[str, Any]:
    rows, cursor = paging.cut(found, lambda seen: seen.report.id)
    return {"items": await items(session, principal, rows), "next_cursor": cursor}


async def items(session: AsyncSession, principal: Principal, rows: Sequence[Seen]) -> list[dict[str, Any]]:
    """Lines of a list, with the first photo of each."""
    photos = await uploads_queries.photos(session, [seen.report.id for seen in rows])
    shown = await _base(session, principal, rows)
    for seen, line in zip(rows, shown, strict=True):
        first = _photos(session, principal, seen, photos.get(seen.report.id, ()))[:1]
        line["photo"] = first[0] if first else None
    return shown


async def one(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """The report as the caller sees it now. Raises NotFound."""
    return await whole(session, principal, await queries.access(session, principal=principal, report_id=report_id))


async def handed_over(session: AsyncSession, principal: Principal, report_id: UUID) -> dict[str, Any]:
    """The report for whoever has just handed it over, and may not see it any more."""
    return await whole(session, principal, await queries.seen_by(session, principal=principal, report_id=report_id))


async def whole(session: AsyncSession, principal: Principal, seen: Seen) -> dict[str, Any]:
    """Of a report that the caller may see."""
    report, staff = seen.report, views_eyes.staff(principal, seen)
    uploads = await uploads_queries.photos(session, [report.id])
    photos = _photos(session, principal, seen, uploads.get(report.id, ()))
    into = report.merged_into
    return {
        **(await _base(session, principal, [seen]))[0], **(await views_desk.beside(session, principal, [seen]))[0],
        "photo": photos[0] if photos else None, "photos": photos,
        "photos_withheld": len(uploads.get(report.id, ())) - len(photos), "occurred_at": report.occurred_at,
        "request": await _request(session, seen.request), "reporter": await views_eyes.reporter(session, principal, seen),
        "merged_into": {"id": into, "number": await queries.number_of(session, into)} if into else None,
        "reject_reason": report.reject_reason, "suspended_until": report.suspended_until, "accepted_at": report.accepted_at,
        "resolved_at": report.resolved_at, "closed_at": report.ended_at if report.status is Status.CLOSED else None,
        "rework_count": report.rework_count, "extension_count": report.extension_count, "reopen_count": report.reopen_count,
        "satisfied": report.satisfied, "rating": report.rating, **await _points(session, principal, seen),
        "text_check": report.text_check if staff else None,
        "escalated_to": await _escalated_to(session, report) if staff else None,
        "second_look": await _second_look(session, report) if ActorRole.REVIEWER in seen.parts(principal) else None,
    }


async def _escalated_to(session: AsyncSession, report: Report) -> dict[str, Any] | None:
    return named(await areas_queries.get(session, report.escalated_to)) if report.escalated_to else None


async def _second_look(session: AsyncSession, report: Report) -> dict[str, Any] | None:
    look = await queries.second_look(session, report_id=report.id)
    return None if look is None else {"status": look.status, "drawn_at": look.drawn_at}


async def _base(session: AsyncSession, principal: Principal, rows: Sequence[Seen]) -> list[dict[str, Any]]:
    reports = [seen.report for seen in rows]
    areas = await areas_queries.by_ids(session, {one for row in reports for one in (row.community_id, row.grid_id) if one})
    names = await categories_queries.names(session, [row.category_code for row in reports])
    workers = await _workers(session, principal, rows)
    exact = await views_eyes.exact(session, principal, rows)
    return [
        {
            "id": row.id, "number": row.number, "status": row.status, "version": row.version, "category": _category(row, names),
            "severity": row.severity, "description": described, "location": views_eyes.place(row, exact=exact[row.id]), "address": address,
            "community": named(areas[row.community_id]),
            "grid": named(areas[row.grid_id]) if row.grid_id else None, "due": _due(row),
            "overdue": workflow.overdue(row.status, row.due_at, seen.now),
            "assignee": workers.get(row.assignee_id) if views_eyes.staff(principal, seen) else None, "joined_count": seen.joined_count,
            "mine": row.member_id == principal.account_id, "joined": seen.joined, "request_pending": seen.request is not None,
            "created_at": row.created_at, "allowed": workflow.allowed(seen.parts(principal), seen.facts(principal.account_id)),
        }
        for seen, row in zip(rows, reports, strict=True)
        for described, address in [sentences(session, principal, seen, exact=exact[row.id])]
    ]


def sentences(session: AsyncSession, principal: Principal, seen: Seen, *, exact: bool) -> tuple[str | None, str | None]:
    """Description and address as the caller is shown them; `exact` as `views_eyes.exact` says."""
    return _description(session, principal, seen), texts.address(session, seen.report) if exact else None


async def _workers(session: AsyncSession, principal: Principal, rows: Sequence[Seen]) -> dict[UUID | None, dict[str, Any]]:
    """Names of assignees, for staff: colleagues know each other."""
    wanted = {seen.report.assignee_id for seen in rows if seen.report.assignee_id and views_eyes.staff(principal, seen)}
    names = await members_queries.called(session, wanted)
    return {worker: {"id": worker, "name": name} for worker, name in names.items()}


async def _request(session: AsyncSession, request: ReportRequest | None) -> dict[str, Any] | None:
    if request is None:
        return None
    reason = await queries.text_of(session, request.reason_id)
    return {"id": request.id, "kind": request.kind, "reason": reason, "until": request.until, "at": request.created_at}


async def _points(session: AsyncSession, principal: Principal, seen: Seen) -> dict[str, Any]:
    """What the caller got for this report, and why not more; a reviewer reads what its reporter got."""
    me, report, nothing = principal.account_id, seen.report, {"points_awarded": None, "award": None}
    own = seen.joined or report.member_id == me
    if not own and ActorRole.REVIEWER not in seen.parts(principal):
        return nothing
    if report.accepted_rule is None:
        return nothing | {"points_awarded": 0 if own else None}
    found = await points_queries_awards.of_sources(
        session, source_type="report", source_ids=[report.id], member_id=me if own else report.member_id,
        rules=[workflow.JOINED_RULE] if seen.joined else [report.accepted_rule, workflow.CLOSING_RULE],
    )
    rows = found.get(report.id, [])
    return {
        "points_awarded": sum(row.credited for row in rows) if own else None, "award": points_views.outcome(rows, own=own),
    }


def _category(report: Report, names: dict[str, str]) -> dict[str, str] | None:
    code = report.category_code
    return None if code is None else {"code": code, "name": names[code]}


def _due(report: Report) -> dict[str, Any] | None:
    return None if report.due_stage is None else {"stage": report.due_stage, "at": report.due_at}


def _description(session: AsyncSession, principal: Principal, seen: Seen) -> str | None:
    """A text that WeChat found risky goes to its author and to officials only."""
    stranger = seen.joined and seen.report.member_id != principal.account_id
    return None if stranger and seen.report.text_check is TextCheck.RISKY else texts.description(session, seen.report)


def _photos(session: AsyncSession, principal: Principal, seen: Seen, uploads: Sequence[Upload]) -> list[Any]:
    """Before, after, reopening; what has not passed the content check goes to few (`views_eyes.shows`)."""
    return [
        links.photo(session, upload, KINDS[str(upload.kind)])
        for upload in sorted(uploads, key=lambda one: list(KINDS).index(str(one.kind)))
        if views_eyes.shows(
            principal, seen, sender=upload.member_id, passed=upload.checked is Checked.PASS, risky=upload.checked is Checked.RISKY
        )
    ]


async def timeline(session: AsyncSession, principal: Principal, report_id: UUID) -> list[dict[str, Any]]:
    """Every step, oldest first. Raises NotFound."""
    seen = await queries.access(session, principal=principal, report_id=report_id)
    uploads = await uploads_queries.photos(session, [report_id])
    photos = {photo.id: photo for photo in _photos(session, principal, seen, uploads.get(report_id, ()))}
    return [
        {
            "at": event.created_at, "actor_role": event.actor_role.value, "command": event.command, "from": event.from_status,
            "to": event.to_status, "note": note, "photos": [photos[one] for one in event.upload_ids if one in photos],
        }
        for event, note in await queries.timeline(session, report_id=report_id)
    ]


async def nearby(session: AsyncSession, found: Sequence[Near]) -> list[dict[str, Any]]:
    """For everybody: what was accepted shows its text and photos, as far as they passed the content check."""
    names = await categories_queries.names(session, [near.report.category_code for near in found])
    public = [near.report.id for near in found if near.report.status in workflow.PUBLIC]
    uploads = await uploads_queries.photos(session, public)
    return [
        {
            "id": row.id, "category": _category(row, names), "severity": row.severity, "status": row.status,
            "location": views_eyes.place(row, exact=near.exact), "distance_m": near.distance_m, "created_at": row.created_at,
            "age_minutes": int((near.now - row.created_at).total_seconds() // 60),
            "description": _public_text(session, row),
            "photos": [
                links.photo(session, one, "before") for one in uploads.get(row.id, ())
                if one.checked is Checked.PASS and one.kind == "report_before"
            ],
        }
        for near in found
        for row in [near.report]
    ]


def _public_text(session: AsyncSession, report: Report) -> str | None:
    shown = report.status in workflow.PUBLIC and report.text_check is TextCheck.PASS
    return texts.description(session, report) if shown else None
