"""Reading reports: one report for a caller or under its lock, lists within the caller's scope, timelines, the copy of one's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.categories.models import ReportCategoryVersion
from app.db import acting
from app.db.acting import Reason
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import NotFound
from app.reports import texts, workflow
from app.reports.models import Report, ReportClaim, ReportEvent, ReportJoin, ReportRequest, ReportSecondLook, ReportText
from app.reports.sights import Sight
from app.reports.words import LookStatus, RequestStatus

CLOCK: sa.ColumnElement[datetime] = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
OWN = aliased(Report)  # built once: that costs as much as the statement that uses one
# Of what a report was merged into, which may lie outside of the caller's reach.
INTO_DISPATCHED_AT = sa.func.report_dispatched_at(col(Report.merged_into), type_=sa.DateTime(timezone=True))


@dataclass(frozen=True, slots=True)
class Seen(Sight):
    """A report with what the rules ask about one caller, to be changed. `policy` and `joined_by` come with its lock only."""

    report: Report
    joined: bool
    request: ReportRequest | None
    into_dispatched_at: datetime | None
    now: datetime
    look: ReportSecondLook | None
    policy: ReportCategoryVersion | None = None
    joined_by: Sequence[UUID] = ()

    @property
    def asked_by(self) -> UUID | None:
        return self.request.asked_by if self.request else None

    @property
    def look_pending(self) -> bool:
        return self.look is not None


def _seen() -> sa.Select[*tuple[Any, ...]]:
    """Reports with the columns of `Seen`, for the person bound as `caller`."""
    mine = sa.bindparam("caller", type_=sa.Uuid)
    joined = sa.exists().where(col(ReportJoin.report_id) == col(Report.id), col(ReportJoin.member_id) == mine)
    asked = sa.and_(col(ReportRequest.report_id) == col(Report.id), col(ReportRequest.status) == RequestStatus.OPEN)
    look = sa.and_(col(ReportSecondLook.report_id) == col(Report.id), col(ReportSecondLook.status) == LookStatus.PENDING)
    return (
        sa.select(Report, joined, ReportRequest, INTO_DISPATCHED_AT, CLOCK, ReportSecondLook)
        .outerjoin(ReportRequest, asked)
        .outerjoin(ReportSecondLook, look)
    )


# Built once: every command on a report reads by the last two of them.
THIS = sa.bindparam("report_id", type_=sa.Uuid)
JOINED_BY = sa.func.array_agg(
    aggregate_order_by(col(ReportJoin.member_id), col(ReportJoin.member_id)), type_=ARRAY(sa.Uuid)
)
SEEN_ONE = _seen().where(col(Report.id) == THIS).execution_options(populate_existing=True)
SEEN_TO_CHANGE = SEEN_ONE.add_columns(
    ReportCategoryVersion,
    sa.func.coalesce(
        sa.select(JOINED_BY).where(col(ReportJoin.report_id) == col(Report.id)).scalar_subquery(), sa.cast([], ARRAY(sa.Uuid))
    ),
).outerjoin(ReportCategoryVersion, categories_queries.kept(col(Report.category_code), col(Report.category_version)))
LOCK = Prepared(sa.select(col(Report.id)).where(col(Report.id) == THIS).with_for_update())
JOINED = Prepared(sa.select(col(ReportJoin.member_id)).where(col(ReportJoin.report_id) == THIS).order_by(col(ReportJoin.member_id)))


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


async def may_see_original(session: AsyncSession, principal: Principal, report_id: UUID) -> bool:
    """For the files of photos as they were sent, which tell more than the photos do."""
    try:
        seen = await access(session, principal=principal, report_id=report_id)
    except NotFound:
        return False
    report = seen.report
    return not seen.joined and workflow.handles(principal, member_id=report.member_id, area_path=report.area_path)


async def lock(session: AsyncSession, *report_ids: UUID) -> dict[UUID, Report]:
    """The rows, locked in the order of their ids and fresh; unknown ids are left out."""
    found = await session.exec(
        sa.select(Report).where(col(Report.id).in_(report_ids)).order_by(col(Report.id)).with_for_update()
        .execution_options(populate_existing=True)
    )
    return {report.id: report for report in found.scalars().all()}


async def seen_locked(session: AsyncSession, *, report_id: UUID, caller: UUID) -> Seen | None:
    """The report under its lock. What stands beside it is read after the lock is held: a statement that waited would show it as it was."""
    if await LOCK.first(session, report_id=report_id) is None:
        return None
    found = await session.exec(SEEN_TO_CHANGE, params={"caller": caller, "report_id": report_id})
    return Seen(*found.one())


async def joined_by(session: AsyncSession, *, report_id: UUID) -> list[UUID]:
    """Whoever joined a report, in the order of their ids."""
    return [row["member_id"] for row in await JOINED.all(session, report_id=report_id)]


async def own_join(session: AsyncSession, *, report_id: UUID, member_id: UUID) -> ReportJoin | None:
    found = await session.exec(
        sa.select(ReportJoin).where(col(ReportJoin.report_id) == report_id, col(ReportJoin.member_id) == member_id)
    )
    one: ReportJoin | None = found.scalars().first()
    return one


async def unpaid_joins(session: AsyncSession, *, report_id: UUID) -> list[tuple[UUID, datetime]]:
    """Joiners and when they reported; without those who were paid before, by a report that was accepted and then merged into this one."""
    paid = sa.exists().where(
        col(OWN.merged_into) == report_id, col(OWN.accepted_rule).is_not(None),
        sa.or_(col(OWN.id) == col(ReportJoin.merged_from), col(OWN.member_id) == col(ReportJoin.member_id)),
    )
    found = await session.exec(
        sa.select(col(ReportJoin.member_id), col(ReportJoin.created_at)).where(col(ReportJoin.report_id) == report_id, ~paid)
    )
    return [(member_id, filed_at) for member_id, filed_at in found.all()]


def look_pending() -> sa.ColumnElement[bool]:
    """The predicate of a list: reports that wait for a second look."""
    pending = sa.exists().where(col(ReportSecondLook.report_id) == col(Report.id), col(ReportSecondLook.status) == LookStatus.PENDING)
    return pending.correlate(Report)


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
    async with acting.serving(session, Reason.COPY):
        wrote = await session.exec(
            sa.select(ReportText, col(Report.number)).join(Report, col(Report.id) == col(ReportText.report_id))
            .where(col(ReportText.author_id) == member_id).order_by(col(ReportText.id))
        )
        claimed = await session.exec(
            sa.select(col(Report.number), col(ReportClaim.until)).join(Report, col(Report.id) == col(ReportClaim.report_id))
            .where(col(ReportClaim.account_id) == member_id).order_by(col(Report.id))
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
        "report_claims": [{"number": number, "until": until.isoformat()} for number, until in claimed.all()],
    }


