"""Which unit answers for a report that goes to a worker."""

from typing import Any

from app.db.session import AsyncSession
from app.reports.models import Report
from app.units import queries as units_queries
from app.units import queries_rules


async def answer(session: AsyncSession, report: Report) -> dict[str, Any]:
    """Sets the unit: the assignee's own, or the one that the rules name, or none. Returns the facts for the history."""
    assert report.assignee_id is not None
    own = await units_queries.of_worker(session, account_id=report.assignee_id)
    if own is not None:
        report.unit_id = own.id
        return {"unit_id": str(own.id)}
    routed = await queries_rules.routed(session, category_code=report.category_code, area_path=report.area_path)
    report.unit_id = routed.unit.id if routed else None
    return {"unit_id": str(routed.unit.id), "rule_id": str(routed.rule_id)} if routed else {}
