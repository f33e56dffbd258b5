"""Points of the report loop, in the transaction of the state change. Balances are locked in the order of the members' ids."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.categories import queries as categories_queries
from app.categories import workflow as categories_workflow
from app.db.session import AsyncSession
from app.points import service as points_service
from app.reports import queries, workflow
from app.reports.models import Report


async def accepted(session: AsyncSession, report: Report, *, first: bool, by: UUID | None, joined: Sequence[UUID] | None) -> None:
    """Pays everyone who has joined so far, and the reporter at the first acceptance in the life of the report.

    `by`: who accepted it; `joined`: who has joined, None: to be looked at.
    """
    unpaid = [] if joined is not None and not joined else await queries.unpaid_joins(session, report_id=report.id)
    due, points = [(member_id, workflow.JOINED_RULE, filed_at) for member_id, filed_at in unpaid], None
    if first and report.accepted_rule is not None:
        due.append((report.member_id, report.accepted_rule, report.created_at))
        policy = await categories_queries.policy_of(session, (report.category_code, report.category_version))
        points = categories_workflow.own_points(policy, report.severity)
    await _award(session, report, due, points=points, by=by)


async def joined(session: AsyncSession, report: Report) -> None:
    """Pays those who joined a report that is accepted already; who was paid before gets nothing twice."""
    if report.accepted_rule is not None:
        found = await queries.unpaid_joins(session, report_id=report.id)
        await _award(session, report, [(member_id, workflow.JOINED_RULE, filed_at) for member_id, filed_at in found])


async def closed(session: AsyncSession, report: Report) -> None:
    """Pays the first closing of an ordinary report."""
    if report.accepted_rule == "REPORT_ACCEPTED":
        await _award(session, report, [(report.member_id, workflow.CLOSING_RULE, report.created_at)])


async def _award(
    session: AsyncSession, report: Report, due: list[tuple[UUID, str, datetime]], *, points: int | None = None, by: UUID | None = None
) -> None:
    """`points` is what the report's category gives for an acceptance instead of the rule's figure."""
    for member_id, rule, filed_at in sorted(due, key=lambda one: one[0]):
        await points_service.award(
            session, member_id=member_id, rule=rule, source_type="report", source_id=report.id, source_number=report.number,
            filed_at=filed_at, area_path=report.area_path, points=points if rule == report.accepted_rule else None,
            actor_id=by,
        )
