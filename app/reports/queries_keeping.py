"""What retention would touch of the reports: one SELECT a rule, of (id, number, since when it counts)."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from app.reports.models import Report, ReportClaim
from app.reports.queries import CLOCK

Due = sa.Select[*tuple[Any, ...]]


def before(days: int) -> sa.ColumnElement[datetime]:
    """So many days ago by the database's clock."""
    return CLOCK - sa.func.make_interval(0, 0, 0, days)


def exact_places(days: int) -> Due:
    """Ended so long ago, and the place as exact as it came."""
    return _ended(days).where(col(Report.place_rounded_at).is_(None))


def undone(column: str, days: int) -> Due:
    """Ended so long ago, and a step of retention before them. One that ended anew after the step goes through it again."""
    done = getattr(Report, column)
    return _ended(days).where(sa.or_(col(done).is_(None), col(done) < col(Report.ended_at)))


def claims(days: int) -> Due:
    """Claims of reviewers that ran out so long ago."""
    return (
        sa.select(col(Report.id), col(Report.number), col(ReportClaim.until).label("since"))
        .join(ReportClaim, col(ReportClaim.report_id) == col(Report.id))
        .where(col(ReportClaim.until) < before(days))
    )


def _ended(days: int) -> Due:
    ended = col(Report.ended_at)
    return sa.select(col(Report.id), col(Report.number), ended.label("since")).where(ended.is_not(None), ended < before(days))
