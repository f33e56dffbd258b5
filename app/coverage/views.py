"""Rows of coverage as answers: what the caller sees of them."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app import clock
from app.areas import queries as areas_queries
from app.areas.models import Area
from app.auth import queries as auth_queries
from app.auth.principal import Principal
from app.auth.roles import ScopeType
from app.coverage import queries, queries_figures, queries_visits, workflow
from app.coverage.models import Assignment, Cover, Duty, Visit
from app.coverage.queries_figures import Covered
from app.coverage.schemas import AssignmentOut, CoverageOut, CoveredOut, CoverOut, VisitOut
from app.coverage.workflow import Place
from app.db.session import AsyncSession
from app.enterprises import queries as enterprises_queries
from app.enterprises.models import Enterprise
from app.errors import NotFound
from app.export import tables
from app.members import queries as members_queries
from app.organisations import queries as organisations_queries
from app.pagination import PageQuery, page_of
from app.schemas import named

COLUMNS = ("企业", "所在区域", "列入日期", "党组织覆盖", "覆盖的党组织", "工作覆盖", "指导员人数", "联络员人数")


async def covers(session: AsyncSession, principal: Principal, rows: Sequence[Cover]) -> list[CoverOut]:
    """Rows of one organisation or more."""
    firms = await enterprises_queries.by_ids(session, {row.enterprise_id for row in rows})
    organisations = await organisations_queries.by_ids(session, {row.organisation_id for row in rows})
    today = clock.today()
    shown = []
    for row in rows:
        organisation = organisations[row.organisation_id]
        place = Place(ScopeType.ORGANISATION, organisation.id, organisation.area_path, organisation.name)
        may_end = workflow.administers(principal, place) and workflow.lasts(row.until, today)
        shown.append(
            CoverOut.model_validate(
                {
                    "id": row.id, "organisation": named(organisation), "enterprise": named(firms[row.enterprise_id]), "since": row.since,
                    "until": row.until, "allowed": [workflow.END] if may_end else [],
                }
            )
        )
    return shown


async def cover(session: AsyncSession, principal: Principal, row: Cover) -> CoverOut:
    return (await covers(session, principal, [row]))[0]


async def assignments(
    session: AsyncSession, principal: Principal, of: Place, rows: Sequence[tuple[Assignment, UUID | None, str | None]]
) -> list[AssignmentOut]:
    """Names and phones for those who have to do with the place; others read that there is somebody."""
    known = await queries.has_to_do_with(session, principal=principal, of=of)
    people = {account_id for _, account_id, _ in rows if account_id is not None} if known else set()
    names = await _names(session, people)
    phones = await auth_queries.masked_phones(session, people) if people else {}
    administers, today = workflow.administers(principal, of), clock.today()
    return [
        AssignmentOut.model_validate(
            {
                "id": row.id, "role": row.role, "account_id": account_id if known else None,
                "name": names.get(account_id) if account_id else None,
                "phone": (phones.get(account_id) if account_id else awaited) if known else None, "waiting": account_id is None,
                "since": row.since, "until": row.until,
                "allowed": [workflow.END] if administers and workflow.goes_on(row.until, row.ended_at, today) else [],
            }
        )
        for row, account_id, awaited in rows
    ]


async def assignment(session: AsyncSession, principal: Principal, of: Place, row: Assignment) -> AssignmentOut:
    return (await assignments(session, principal, of, [await queries.with_person(session, row)]))[0]


async def _names(session: AsyncSession, people: Collection[UUID]) -> dict[UUID, str | None]:
    if not people:
        return {}
    members = await members_queries.by_ids(session, people)
    return {member_id: members_queries.name_of(session, member) for member_id, member in members.items()}


async def visits(session: AsyncSession, principal: Principal, of: Place, page: PageQuery) -> dict[str, Any]:
    """The visits to a place: with notes for those who have to do with it, the bare days for the enterprise's contact.

    Raises NotFound for everybody else.
    """
    full = await queries.has_to_do_with(session, principal=principal, of=of)
    if not full and not workflow.speaks_for(principal, of):
        raise NotFound
    found = await queries_visits.visits(session, of=of, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    names = await _names(session, {row.account_id for row in rows}) if full else {}
    return page_of([_visit(session, row, names, full=full) for row in rows], cursor)


async def visit(session: AsyncSession, row: Visit) -> VisitOut:
    """For the person who has just written it."""
    return _visit(session, row, await _names(session, [row.account_id]), full=True)


def _visit(session: AsyncSession, row: Visit, names: dict[UUID, str | None], *, full: bool) -> VisitOut:
    return VisitOut.model_validate(
        {
            "id": row.id, "on": row.visited_on, "created_at": row.created_at, "by": names.get(row.account_id),
            "note": queries.note_of(session, row) if full else None, "topics": row.topics if full else [],
        }
    )


async def coverage(session: AsyncSession, area: Area, on: date) -> CoverageOut:
    counted = await queries_figures.figures(session, area=area, on=on)
    shares = {
        kind: {"numerator": covered, "denominator": counted.enterprises, "rate": workflow.rate(covered, counted.enterprises)}
        for kind, covered in (("organisation", counted.organisation), ("work", counted.work))
    }
    return CoverageOut.model_validate({"area": named(area), "on": on, **shares})


async def covered_page(
    session: AsyncSession, area: Area, on: date, covered: Covered | None, page: PageQuery
) -> dict[str, Any]:
    found = await queries_figures.enterprises(session, area=area, on=on, covered=covered, limit=page.limit, after=page.after)
    rows, cursor = page.cut(found, lambda row: row.id)
    return page_of(await _covered(session, rows, on), cursor)


async def _covered(session: AsyncSession, rows: Sequence[Enterprise], on: date) -> list[CoveredOut]:
    ids = [row.id for row in rows]
    areas = await areas_queries.by_ids(session, {row.area_id for row in rows})
    organisations = await queries_figures.organisations_covering(session, enterprise_ids=ids, on=on)
    assigned = await queries.of_enterprises(session, enterprise_ids=ids, on=on)
    names = await _names(session, {account_id for _, account_id in assigned if account_id is not None})
    people: dict[UUID, list[dict[str, Any]]] = {}
    for row, account_id in assigned:
        assert row.enterprise_id is not None
        told = {"id": row.id, "role": row.role, "name": names.get(account_id) if account_id else None}
        people.setdefault(row.enterprise_id, []).append(told)
    return [
        CoveredOut.model_validate(
            {
                "id": row.id, "name": row.name, "area": named(areas[row.area_id]), "listed_on": row.listed_on,
                "organisations": organisations.get(row.id, []), "assigned": people.get(row.id, []),
            }
        )
        for row in rows
    ]


async def covered_file(session: AsyncSession, area: Area, on: date, covered: Covered | None, format: str) -> Response:
    """The whole list as a download. It names organisations; of people it tells how many."""
    found = await queries_figures.enterprises(session, area=area, on=on, covered=covered, limit=None, after=None)
    lines: list[tuple[tables.Cell, ...]] = []
    for row in await _covered(session, found, on):
        duties, by = [one.role for one in row.assigned], [one.name for one in row.organisations]
        lines.append(
            (
                row.name, row.area.name, row.listed_on, "是" if by else "否", "、".join(by), "是" if by or duties else "否",
                duties.count(Duty.INSTRUCTOR), duties.count(Duty.LIAISON),
            )
        )
    title = f"{area.name} {on.isoformat()} 两个覆盖"
    return tables.render(format, title=title, columns=COLUMNS, rows=lines, name=f"coverage-{on.isoformat()}")
