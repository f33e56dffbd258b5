"""Reading reports: one report for a caller or under its lock, lists within the caller's scope, timelines, the copy of one's data."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.auth.principal import Principal, within
from app.db.session import AsyncSession
from app.errors import Forbidden, NotFound
from app.reports import texts, workflow
from app.reports.models import Report, ReportEvent, ReportJoin, ReportRequest, ReportText
from app.reports.words import ActorRole, RequestStatus, Status

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
# Aliases are built once: that costs as much as the statement that uses one.
INTO, OWN = aliased(Report), aliased(Report)


@dataclass(frozen=True, slots=True)
class Seen:
    """A report with what the rules ask about one caller. `now` is the database's clock."""

    report: Report
    joined: bool
    request: ReportRequest | None
    into_dispatched_at: datetime | None
    joined_count: int
    now: datetime

    def facts(self, caller: UUID) -> workflow.Facts:
        report, request = self.report, self.request
        return workflow.Facts(
            status=report.status, now=self.now, resolved_by_caller=report.resolver_id == caller, request_open=request is not None,
            request_by_caller=request is not None and request.asked_by == caller, into_dispatched=self.into_dispatched_at is not None,
            reopen_count=report.reopen_count, ended_at=report.ended_at,
        )

    def parts(self, principal: Principal) -> frozenset[ActorRole]:
        report = self.report
        return workflow.actors(
            principal, member_id=report.member_id, assignee_id=report.assignee_id, joined=self.joined, area_path=report.area_path
        )

    def visible(self, principal: Principal) -> bool:
        return workflow.sees(principal, member_id=self.report.member_id, joined=self.joined, area_path=self.report.area_path)


def _seen() -> sa.Select[*tuple[Any, ...]]:
    """Reports with the columns of `Seen`, for the person bound as `caller`."""
    mine = sa.bindparam("caller", type_=sa.Uuid)
    joined = sa.exists().where(col(ReportJoin.report_id) == col(Report.id), col(ReportJoin.member_id) == mine)
    count = sa.select(sa.func.count()).where(col(ReportJoin.report_id) == col(Report.id)).scalar_subquery()
    asked = sa.and_(col(ReportRequest.report_id) == col(Report.id), col(ReportRequest.status) == RequestStatus.OPEN)
    return (
        sa.select(Report, joined, ReportRequest, col(INTO.dispatched_at), count, CLOCK)
        .outerjoin(ReportRequest, asked)
        .outerjoin(INTO, col(INTO.id) == col(Report.merged_into))
    )


# Built once: every command on a report reads by the second of them.
SEEN = _seen()
SEEN_ONE = SEEN.where(col(Report.id) == sa.bindparam("report_id", type_=sa.Uuid)).execution_options(populate_existing=True)


async def access(session: AsyncSession, *, principal: Principal, report_id: UUID) -> Seen:
    """The report for its reporters and for the staff of its area. Raises NotFound."""
    found = await session.exec(SEEN_ONE, params={"caller": principal.account_id, "report_id": report_id})
    row = found.first()
    if row is None or not (seen := Seen(*row)).visible(principal):
        raise NotFound
    return seen


async def may_see(session: AsyncSession, principal: Principal, report_id: UUID) -> bool:
    """For photos: whoever may read the report may see them."""
    try:
        await access(session, principal=principal, report_id=report_id)
    except NotFound:
        return False
    return True


async def lock(session: AsyncSession, *report_ids: UUID) -> dict[UUID, Report]:
    """The rows, locked in the order of their ids and fresh; unknown ids are left out."""
    found = await session.exec(
        sa.select(Report).where(col(Report.id).in_(report_ids)).order_by(col(Report.id)).with_for_update()
        .execution_options(populate_existing=True)
    )
    return {report.id: report for report in found.scalars().all()}


async def seen_locked(session: AsyncSession, *, report_id: UUID, caller: UUID) -> Seen | None:
    """The report under its lock. What stands beside it is read after the lock is held: a statement that waited would show it as it was."""
    if not await lock(session, report_id):
        return None
    found = await session.exec(SEEN_ONE, params={"caller": caller, "report_id": report_id})
    return Seen(*found.one())


async def merged_into(session: AsyncSession, *, report_id: UUID) -> UUID | None:
    found = await session.exec(sa.select(col(Report.merged_into)).where(col(Report.id) == report_id))
    into: UUID | None = found.scalars().first()
    return into


async def merged_reports(session: AsyncSession, *, into_id: UUID) -> Sequence[UUID]:
    found = await session.exec(sa.select(col(Report.id)).where(col(Report.merged_into) == into_id).order_by(col(Report.id)))
    return found.scalars().all()


async def mine(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> list[Seen]:
    """What the caller reported or joined, newest first, one more than `limit`."""
    me = principal.account_id
    joined = sa.select(col(ReportJoin.report_id)).where(col(ReportJoin.member_id) == me)
    return await _page(session, SEEN.where(sa.or_(col(Report.member_id) == me, col(Report.id).in_(joined))), me, limit, after)


async def inbox(
    session: AsyncSession, *, principal: Principal, statuses: Collection[Status], overdue: bool | None, assignee: UUID | None,
    limit: int, after: UUID | None,
) -> list[Seen]:
    """Reports of the caller's areas, newest first, one more than `limit`; open ones when no state is asked for.

    Raises Forbidden for a caller who holds no grant of staff.
    """
    if not principal.has(*workflow.STAFF):
        raise Forbidden
    asked = SEEN.where(within(Report.area_path, principal.area_paths(*workflow.STAFF)))
    asked = asked.where(col(Report.status).in_(statuses) if statuses else col(Report.ended_at).is_(None))
    if assignee is not None:
        asked = asked.where(col(Report.assignee_id) == assignee)
    if overdue is not None:
        late = sa.and_(
            col(Report.due_at) < CLOCK, col(Report.ended_at).is_(None),
            col(Report.status).not_in([Status.SUSPENDED, Status.AWAITING_FEEDBACK]),
        )
        asked = asked.where(late if overdue else sa.func.coalesce(late, False).is_(False))
    return await _page(session, asked, principal.account_id, limit, after)


async def _page(
    session: AsyncSession, asked: sa.Select[*tuple[Any, ...]], caller: UUID, limit: int, after: UUID | None
) -> list[Seen]:
    if after is not None:
        asked = asked.where(col(Report.id) < after)
    found = await session.exec(asked.order_by(col(Report.id).desc()).limit(limit + 1), params={"caller": caller})
    return [Seen(*row) for row in found.all()]


async def joiners(session: AsyncSession, *, report_id: UUID) -> Sequence[ReportJoin]:
    """Whoever joined a report, in the order of their ids."""
    found = await session.exec(
        sa.select(ReportJoin).where(col(ReportJoin.report_id) == report_id).order_by(col(ReportJoin.member_id))
        .execution_options(populate_existing=True)
    )
    return found.scalars().all()


async def own_join(session: AsyncSession, *, report_id: UUID, member_id: UUID) -> ReportJoin | None:
    found = await session.exec(
        sa.select(ReportJoin).where(col(ReportJoin.report_id) == report_id, col(ReportJoin.member_id) == member_id)
    )
    one: ReportJoin | None = found.scalars().first()
    return one


async def unpaid_joins(session: AsyncSession, *, report_id: UUID) -> list[tuple[UUID, datetime]]:
    """Joiners and when they reported; without those whose own merged report was accepted, and so paid, before."""
    found = await session.exec(
        sa.select(col(ReportJoin.member_id), sa.func.coalesce(col(OWN.created_at), col(ReportJoin.created_at)))
        .outerjoin(OWN, col(OWN.id) == col(ReportJoin.merged_from))
        .where(col(ReportJoin.report_id) == report_id, col(OWN.accepted_rule).is_(None))
    )
    return [(member_id, filed_at) for member_id, filed_at in found.all()]


async def numbers(session: AsyncSession, ids: Collection[UUID]) -> dict[UUID, str]:
    found = await session.exec(sa.select(col(Report.id), col(Report.number)).where(col(Report.id).in_(ids)))
    return {row.id: row.number for row in found.all()}


async def text_of(session: AsyncSession, text_id: UUID | None) -> str | None:
    row = None if text_id is None else await session.get(ReportText, text_id)
    return row.text if row else None


async def timeline(session: AsyncSession, *, report_id: UUID) -> list[tuple[ReportEvent, str | None]]:
    """Every event with its note, oldest first."""
    found = await session.exec(
        sa.select(ReportEvent, col(ReportText.text))
        .outerjoin(ReportText, col(ReportText.id) == col(ReportEvent.note_id))
        .where(col(ReportEvent.report_id) == report_id)
        .order_by(col(ReportEvent.id))
    )
    return [(event, note) for event, note in found.all()]


async def open_count(session: AsyncSession, *, member_id: UUID) -> int:
    """How many reports of a person have not ended yet."""
    found = await session.exec(
        sa.select(sa.func.count()).select_from(Report).where(col(Report.member_id) == member_id, col(Report.ended_at).is_(None))
    )
    return int(found.scalar_one())


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """A person's reports, what they joined, and every sentence they wrote about a report, as JSON."""
    own = await session.exec(sa.select(Report).where(col(Report.member_id) == member_id).order_by(col(Report.id)))
    joined = await session.exec(
        sa.select(ReportJoin, col(Report.number)).join(Report, col(Report.id) == col(ReportJoin.report_id))
        .where(col(ReportJoin.member_id) == member_id).order_by(col(ReportJoin.id))
    )
    wrote = await session.exec(
        sa.select(ReportText, col(Report.number)).join(Report, col(Report.id) == col(ReportText.report_id))
        .where(col(ReportText.author_id) == member_id).order_by(col(ReportText.id))
    )
    return {
        "reports": [
            {
                "id": str(one.id), "number": one.number, "status": one.status.value, "category_code": one.category_code,
                "description": texts.description(session, one), "address": texts.address(session, one), "lng": one.lng, "lat": one.lat,
                "at": one.created_at.isoformat(), "satisfied": one.satisfied, "rating": one.rating,
            }
            for one in own.scalars().all()
        ],
        "joined_reports": [
            {"number": number, "at": join.created_at.isoformat(), "satisfied": join.satisfied, "rating": join.rating}
            for join, number in joined.all()
        ],
        "report_notes": [
            {"number": number, "at": text.created_at.isoformat(), "text": text.text} for text, number in wrote.all()
        ],
    }


