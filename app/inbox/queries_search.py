"""Reports whose keyed pairs hold what is looked for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app.auth.principal import Principal
from app.db.session import AsyncSession
from app.inbox import queries
from app.inbox.queries import Asked
from app.reports import texts
from app.reports.models import Report, ReportGram
from app.reports.queries_lines import LINES, Line, told
from app.reports.search import Sought

NEWEST = 5_000  # reports that are looked through before the index of the pairs is asked
FEW = 5_000  # reports at most that are looked up one by one because the index of the pairs names them
GRAMS = ARRAY(sa.BigInteger)
Ids = sa.Select[UUID]
Condition = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Reports that may hold what is looked for: `read` gives them. `wanted` are the pairs under each of the keys."""

    sought: Sought
    wanted: list[list[int]]
    allowed: list[Condition]
    values: dict[str, Any]


async def candidates(session: AsyncSession, *, principal: Principal, sought: Sought, asked: Asked) -> Candidates:
    """Those of the caller's areas. Raises Forbidden, NotFound for an unknown area."""
    states = [col(Report.status).in_(asked.statuses)] if asked.statuses else []
    allowed = [*queries.reach(principal, asked), *states]
    return Candidates(sought, texts.wanted(session, sought), allowed, await queries.values(session, principal, asked))


async def read(session: AsyncSession, among: Candidates, *, caller: UUID, limit: int, after: UUID | None) -> list[Line]:
    """The next ones, newest first."""
    if among.sought.number is not None:
        below = [] if after is None else [col(Report.id) < after]
        found = LINES.where(col(Report.number) == among.sought.number, *among.allowed, *below)
    else:
        found = LINES.where(col(Report.id).in_(_page(among, limit, after)))
    page = told(found.order_by(col(Report.id).desc()).limit(limit))
    rows = await session.exec(page, params=among.values | {"caller": caller})
    return [Line.of(row) for row in rows.mappings()]


def _page(among: Candidates, limit: int, after: UUID | None) -> Any:
    """How rare a pair is the planner often has to guess, and after a wrong guess it reads everything. So the way is written down here.

    First the newest; where they do not fill the page, the index of the pairs, if few hold them. Where many do, the planner knows how many,
    and chooses: it may be that a narrow area has fewer.
    """
    indexed = sa.select(col(ReportGram.report_id)).where(_has(col(ReportGram.grams), among))
    if among.sought.tail is not None:
        tails = sa.cast([among.sought.tail], ARRAY(sa.Text))
        numbered = sa.select(sa.func.reports_numbered(tails, type_=sa.Uuid).column_valued("numbered")).correlate(None)
        return _allowed(_below(_whole(indexed.union(numbered)), after), among, limit)
    newest = _newest(after)
    hits = _allowed(sa.select(newest.c.report_id).where(_has(newest.c.grams, among)), among, limit).cte("hits")
    last = sa.select(newest.c.report_id).order_by(newest.c.report_id.desc()).offset(NEWEST - 1).limit(1).scalar_subquery()
    few = sa.select(_whole(indexed).c.report_id).where(_count(hits) < limit).limit(FEW + 1).cte("few").prefix_with("MATERIALIZED")
    rare = _allowed(_below(few, last).where(_count(few) <= FEW), among, limit)
    known = sa.select(col(Report.id)).where(*among.allowed, col(Report.id).in_(indexed), col(Report.id) < last, _count(few) > FEW)
    return sa.select(hits.c.id).union_all(rare, known.order_by(col(Report.id).desc()).limit(limit))


def _newest(after: UUID | None) -> sa.CTE:
    """The limit keeps the condition on the pairs out, however rare the planner thinks them."""
    gram = sa.select(col(ReportGram.report_id), col(ReportGram.grams))
    if after is not None:
        gram = gram.where(col(ReportGram.report_id) < after)
    return gram.order_by(col(ReportGram.report_id).desc()).limit(NEWEST).cte("newest").prefix_with("MATERIALIZED")


def _whole(indexed: Ids | sa.CompoundSelect[UUID]) -> sa.CTE:
    """Without order, bound and limit, for whose sake another index would be read. As many rows are made as are taken out of it."""
    return indexed.cte("indexed").prefix_with("MATERIALIZED")


def _below(found: sa.CTE, bound: UUID | sa.ScalarSelect[UUID] | None) -> Ids:
    ids = sa.select(found.c.report_id)
    return ids if bound is None else ids.where(found.c.report_id < bound)


def _count(rows: sa.CTE) -> sa.ScalarSelect[int]:
    """It depends on no row: what it forbids is not even begun."""
    return sa.select(sa.func.count()).select_from(rows).scalar_subquery()


def _allowed(ids: Ids, among: Candidates, limit: int) -> Ids:
    """The newest of them that the caller may find: looked up one by one, until there are enough."""
    each = ids.order_by(ids.selected_columns[0].desc()).subquery()
    report = sa.select(col(Report.id)).where(col(Report.id) == each.c.report_id, *among.allowed).limit(1).correlate(each).lateral()
    return sa.select(report.c.id).select_from(each.join(report, sa.true())).order_by(each.c.report_id.desc()).limit(limit)


def _has(grams: Any, among: Candidates) -> Condition:
    """The numbers stand in the statement itself, so that each is planned for its own: a plan kept for common words takes 500 times as long
    for rare ones, and the other way round."""
    return sa.or_(*(grams.contains(sa.cast(sa.bindparam(None, one, GRAMS, literal_execute=True), GRAMS)) for one in among.wanted))
