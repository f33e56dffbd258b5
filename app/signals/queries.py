"""What is known about a report for its signals, in a constant number of statements; its signals for those who judge it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.auth.principal import Principal
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.reports import queries as reports_queries
from app.reports import queries_keeping
from app.reports.models import Report
from app.signals import workflow
from app.signals.models import ReportSignal, RiskRank, SignalKind
from app.signals.workflow import Alike, Before, Evidence, Photo
from app.uploads import queries as uploads_queries
from app.uploads import taken_sealed
from app.uploads.models import Upload
from app.uploads.prints import Form
from app.uploads.queries_lookalikes import lookalikes

BEFORE_AT_MOST = 500
TURNED, FIRST_MIRRORED = (Form.TURNED_90, Form.TURNED_180, Form.TURNED_270), Form.MIRRORED
CLOCK = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
EXACT = col(Report.place_rounded_at).is_(None)


async def evidence(session: AsyncSession, report: Report) -> Evidence:
    uploads = (await uploads_queries.photos(session, [report.id])).get(report.id, [])
    before = [upload for upload in uploads if upload.kind == "report_before"]
    return Evidence(
        at=report.occurred_at or report.created_at, place=(report.lng, report.lat),
        photos=[_photo(session, upload) for upload in before], alike=await _alike(session, report, before),
        before=await _before(session, report), people=await _people(session, report),
        risk_rank=await rank(session, member_id=report.member_id),
    )


def _photo(session: AsyncSession, upload: Upload) -> Photo:
    told = taken_sealed.of(session, upload)
    return Photo(upload.attached_at or upload.created_at, told.at, told.place)


async def _alike(session: AsyncSession, report: Report, uploads: Sequence[Upload]) -> list[Alike]:
    found = await lookalikes(session, upload_ids=[upload.id for upload in uploads])
    other = [one for one in found if one.owner_kind.startswith("report_")]
    numbers = await _numbers(session, report, {one.owner_id for one in other})
    return [
        Alike(numbers.get(one.owner_id), one.distance, one.same_file, turned=one.form in TURNED, mirrored=one.form >= FIRST_MIRRORED)
        for one in other
    ]


async def _numbers(session: AsyncSession, report: Report, ids: set[UUID]) -> dict[UUID, str]:
    """Of reports of the same tenant: those of another are nothing that the reviewers here may know of."""
    tenant = report.area_path.partition("/")[0] + "/"
    found = await session.exec(
        sa.select(col(Report.id), col(Report.number)).where(
            col(Report.id).in_(ids), col(Report.area_path).startswith(tenant, autoescape=True)
        )
    )
    return {row.id: row.number for row in found.all()}


async def _before(session: AsyncSession, report: Report) -> list[Before]:
    """What the same person reported before, as far as its exact places are still kept; the latest first."""
    at = sa.func.coalesce(col(Report.occurred_at), col(Report.created_at)).label("at")
    found = await session.exec(
        sa.select(at, col(Report.lng), col(Report.lat))
        .where(
            col(Report.member_id) == report.member_id, col(Report.id) < report.id, EXACT,
            col(Report.created_at) > report.created_at - workflow.WITHIN,
        )
        .order_by(col(Report.id).desc()).limit(BEFORE_AT_MOST)
    )
    return [Before(row.at, (row.lng, row.lat)) for row in found.all()]


async def _people(session: AsyncSession, report: Report) -> int:
    """How many people reported the very same point, to six digits, up to this report."""
    found = await session.exec(
        sa.select(sa.func.count(sa.distinct(col(Report.member_id)))).where(
            sa.between(col(Report.lat), *_digits(report.lat)), sa.between(col(Report.lng), *_digits(report.lng)), EXACT,
            col(Report.id) <= report.id, col(Report.created_at) > report.created_at - workflow.WITHIN,
        )
    )
    return int(found.scalar_one())


def _digits(value: float) -> tuple[float, float]:
    """All that is rounded to the same digits, as a span that an index can find."""
    half = Decimal(5).scaleb(-workflow.POINT_DIGITS - 1)
    middle = round(Decimal(repr(value)), workflow.POINT_DIGITS)
    return float(middle - half), float(middle + half)


async def rank(session: AsyncSession, *, member_id: UUID, fresh: bool = False) -> int | None:
    """What WeChat said last of a person, while it is kept; `fresh`: only if that was today or yesterday."""
    statement = sa.select(col(RiskRank.rank)).where(col(RiskRank.member_id) == member_id, col(RiskRank.keep_until) > CLOCK)
    if fresh:
        statement = statement.where(col(RiskRank.asked_at) > CLOCK - workflow.RANK_FRESH)
    found: int | None = (await session.exec(statement)).scalars().first()
    return found


async def of_report(session: AsyncSession, *, principal: Principal, report_id: UUID) -> Sequence[ReportSignal]:
    """For reviewers and administrators of its area, unless the report is their own. Raises NotFound, Forbidden."""
    seen = await reports_queries.access(session, principal=principal, report_id=report_id)
    own = seen.joined or seen.report.member_id == principal.account_id
    if own or not principal.covers(seen.report.area_path, Role.REVIEWER, Role.AREA_ADMIN):
        raise Forbidden
    found = await session.exec(sa.select(ReportSignal).where(col(ReportSignal.report_id) == report_id))
    order = list(SignalKind)
    return sorted(found.scalars().all(), key=lambda one: order.index(one.kind))


async def export(session: AsyncSession, *, member_id: UUID) -> dict[str, Any]:
    """What stands noted about a person's reports, and what WeChat said of the account, as JSON."""
    ranks = await session.exec(sa.select(RiskRank).where(col(RiskRank.member_id) == member_id))
    found = await session.exec(
        sa.select(col(Report.number), ReportSignal).join(Report, col(Report.id) == col(ReportSignal.report_id))
        .where(col(Report.member_id) == member_id).order_by(col(Report.id), col(ReportSignal.kind))
    )
    return {
        "report_signals": [
            {"number": number, "kind": signal.kind.value, "at": signal.at.isoformat()} for number, signal in found.all()
        ],
        "wechat_risk_ranks": [
            {"rank": one.rank, "asked_at": one.asked_at.isoformat(), "keep_until": one.keep_until.isoformat()}
            for one in ranks.scalars().all()
        ],
    }


def outlived(days: int) -> sa.Select[*tuple[Any, ...]]:
    """For retention: (id, number, since) of the reports that ended so long ago and have signals still."""
    ended = col(Report.ended_at)
    noted = sa.exists().where(col(ReportSignal.report_id) == col(Report.id))
    return sa.select(col(Report.id), col(Report.number), ended.label("since")).where(ended < queries_keeping.before(days), noted)
