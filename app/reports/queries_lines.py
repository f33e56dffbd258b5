"""Reports to be shown: the columns of the answers with the names of what they refer to, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import NotFound
from app.members import queries_naming
from app.points import queries_awards as points_queries_awards
from app.points.queries_awards import Judged
from app.reports import workflow
from app.reports.models import Report, ReportClaim, ReportJoin, ReportRequest, ReportSecondLook, ReportText
from app.reports.queries import CLOCK, INTO_DISPATCHED_AT, look_pending
from app.reports.queries_claims import LIVE
from app.reports.sights import Outline, Sight
from app.reports.words import RequestStatus
from app.units import queries as units_queries
from app.uploads import photos
from app.uploads.photos import Photo

CALLER = sa.bindparam("caller", type_=sa.Uuid)
COLUMNS = [col(getattr(Report, name)) for name in Outline._fields]
MOST = sa.bindparam("most", type_=sa.Integer)
HANDLERS = {"assignee": "assignee_id", "claimer": "claimer_id"}
EVERYBODY = HANDLERS | {"reporter": "member_id"}


@dataclass(slots=True)
class Line(Sight):
    """A report as it is shown. `row` holds what else the statement found, by the names below."""

    report: Outline
    row: Mapping[Any, Any]
    joined: bool
    into_dispatched_at: datetime | None
    now: datetime

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        outline = Outline._make(islice(row.values(), len(COLUMNS)))
        return cls(outline, row, row["joined"], row["into_dispatched_at"], row["now"])

    @property
    def asked_by(self) -> UUID | None:
        asked_by: UUID | None = self.row["asked_by"]
        return asked_by

    @property
    def look_pending(self) -> bool:
        return bool(self.row["look_pending"])

    @property
    def photos(self) -> list[Photo]:
        """In the order in which each attaching named them."""
        return photos.read(self.row["photos"])

    @property
    def awards(self) -> list[Judged]:
        """What the caller got who reported or joined it, else what its reporter got; of a report that is told whole."""
        return points_queries_awards.read(self.row["awards"])

    def called(self, session: AsyncSession, who: str) -> dict[str, Any] | None:
        """The assignee, or the claimer, by id and name."""
        account_id: UUID | None = self.row[f"{who}_id"]
        if account_id is None:
            return None
        sealed, erased = self.row[f"{who}_name"], self.row[f"{who}_erased"]
        return {"id": account_id, "name": queries_naming.called(session, account_id, sealed, erased=erased)}


def _lines() -> sa.Select[*tuple[Any, ...]]:
    """For the person bound as `caller`. To be `told` with names, for the rows that are given, not for those that were looked through."""
    mine = _joined()
    count = sa.select(sa.func.count()).where(col(ReportJoin.report_id) == col(Report.id)).scalar_subquery()
    asked = sa.and_(col(ReportRequest.report_id) == col(Report.id), col(ReportRequest.status) == RequestStatus.OPEN)
    return (
        sa.select(
            *COLUMNS, mine.label("joined"), INTO_DISPATCHED_AT.label("into_dispatched_at"), count.label("joined_count"), CLOCK.label("now"),
            col(ReportRequest.asked_by), look_pending().label("look_pending"),
            categories_queries.guards(col(Report.category_code), col(Report.category_version)).label("guarded"),
            areas_queries.name_of(col(Report.community_id)).label("community"), areas_queries.name_of(col(Report.grid_id)).label("grid"),
            categories_queries.name_of(col(Report.category_code)).label("category"),
            units_queries.name_of(col(Report.unit_id)).label("unit"),
            photos.photos_of(col(Report.id)).label("photos"),
            col(ReportClaim.account_id).label("claimer_id"), col(ReportClaim.until).label("claimed_until"),
        )
        .outerjoin(ReportRequest, asked)
        .outerjoin(ReportClaim, sa.and_(col(ReportClaim.report_id) == col(Report.id), LIVE))
    )


def told(found: sa.Select[*tuple[Any, ...]], *, people: Mapping[str, str] = HANDLERS) -> sa.Select[*tuple[Any, ...]]:
    """The same rows in the same order, and what each person is called who stands in one of these columns. `found` is "page" in it."""
    page = found.cte("page")
    rows = sa.select(page, sa.func.row_number().over().label("turn")).subquery("rows")
    named = queries_naming.named(sa.union(*(sa.select(page.c[column]) for column in people.values())))
    statement = sa.select(*(rows.c[column.key] for column in page.c)).select_from(rows)
    for who, column in people.items():
        person = named.alias(who)
        statement = statement.add_columns(
            person.c.real_name_sealed.label(f"{who}_name"), person.c.erased_at.is_not(None).label(f"{who}_erased")
        ).outerjoin(person, person.c.id == rows.c[column])
    return statement.order_by(rows.c.turn)


def _whole() -> sa.Select[*tuple[Any, ...]]:
    """One report with all that its answer tells."""
    look = (
        sa.select(col(ReportSecondLook.status), col(ReportSecondLook.drawn_at)).where(col(ReportSecondLook.report_id) == col(Report.id))
        .order_by(col(ReportSecondLook.id).desc()).limit(1).correlate(Report).lateral("last_look")
    )
    reason = sa.select(col(ReportText.text)).where(col(ReportText.id) == col(ReportRequest.reason_id)).scalar_subquery()
    return (
        LINES.add_columns(
            col(ReportRequest.id).label("request_id"), col(ReportRequest.kind).label("request_kind"), reason.label("request_reason"),
            col(ReportRequest.until).label("request_until"), col(ReportRequest.created_at).label("request_at"),
            sa.func.report_number(col(Report.merged_into), type_=sa.Text).label("merged_number"),
            areas_queries.name_of(col(Report.escalated_to)).label("escalated_name"),
            look.c.status.label("look_status"), look.c.drawn_at.label("look_drawn_at"),
            sa.case((col(Report.accepted_rule).is_not(None), _awards())).label("awards"),
        )
        .outerjoin(look, sa.true())
        .where(col(Report.id) == sa.bindparam("report_id", type_=sa.Uuid))
    )


def _awards() -> sa.ScalarSelect[Any]:
    mine = _joined()
    own = sa.or_(mine, col(Report.member_id) == CALLER)
    texts = ARRAY(sa.Text)
    return points_queries_awards.of_source(
        "report", col(Report.id), member_id=sa.case((own, CALLER), else_=col(Report.member_id)),
        rules=sa.case(
            (mine, sa.cast([workflow.JOINED_RULE], texts)),
            else_=sa.cast(postgresql.array([col(Report.accepted_rule), sa.literal(workflow.CLOSING_RULE, sa.Text)]), texts),
        ),
    )


def _joined() -> sa.Exists:
    return sa.exists().where(col(ReportJoin.report_id) == col(Report.id), col(ReportJoin.member_id) == CALLER).correlate(Report)


LINES = _lines()
WHOLE = Prepared(told(_whole(), people=EVERYBODY))


async def access(session: AsyncSession, *, principal: Principal, report_id: UUID) -> Line:
    """The report for its reporters and for the staff of its area. Raises NotFound."""
    row = await WHOLE.first(session, caller=principal.account_id, report_id=report_id)
    if row is None or not (line := Line.of(row)).visible(principal):
        raise NotFound
    return line


async def seen_by(session: AsyncSession, *, principal: Principal, report_id: UUID) -> Line:
    """The report for whoever has just acted on it: they may have handed it over to where they do not see it any more."""
    [row] = await WHOLE.all(session, caller=principal.account_id, report_id=report_id)
    return Line.of(row)


async def mine(session: AsyncSession, *, principal: Principal, limit: int, after: UUID | None) -> list[Line]:
    """What the caller reported or joined, newest first, one more than `limit`."""
    rows = await _mine(after is not None).all(session, caller=principal.account_id, after=after, most=limit + 1)
    return lines(rows)


def lines(rows: Sequence[Mapping[Any, Any]]) -> list[Line]:
    return [Line.of(row) for row in rows]


@lru_cache
def _mine(further: bool) -> Prepared:
    own = aliased(ReportJoin)
    joined = sa.select(col(own.report_id)).where(col(own.member_id) == CALLER)
    asked = LINES.where(sa.or_(col(Report.member_id) == CALLER, col(Report.id).in_(joined)))
    if further:
        asked = asked.where(col(Report.id) < sa.bindparam("after", type_=sa.Uuid))
    return Prepared(told(asked.order_by(col(Report.id).desc()).limit(MOST)))
