"""转交 and 上报上级: another area answers for a report, or a higher one is told of it. The state stays."""

from uuid import UUID

from app.areas import queries as areas_queries
from app.areas.models import Area, Level
from app.auth.principal import Principal
from app.auth.roles import Role
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession
from app.errors import Conflict, InvalidTransition
from app.jobs import service as jobs_service
from app.reports import errors, queries
from app.reports.models import Report
from app.reports.service import case as cases
from app.reports.service import clocks, telling
from app.reports.service.case import Case
from app.reports.workflow import Command

HANDED_OVER = ("上报已转交", "已转交给负责的社区或街道处理，进展会继续通知您。")


async def transfer(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, area_id: UUID, reason: str
) -> None:
    """转交, within the tenant: the stage begins anew with whoever answers from now on. Raises ValidationFailed for any other area."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.TRANSFER, seen=seen)
    report, before = case.report, case.report.area_path
    chain = await _chain_to(session, report, area_id)
    await acting.as_service(session, Reason.HAND_OVER)
    _put(report, chain)
    report.assignee_id = report.unit_id = None
    report.escalated_to, report.escalated_to_top = None, False
    with session.no_autoflush:
        lap = await clocks.turn(session, report, to=report.status, now=case.now)
    await cases.write(session, case, before=report.status, lap=lap, note=reason, from_path=before, to_path=report.area_path)
    await jobs_service.enqueue(session, "moderation.moved", {"report_id": str(report.id)})
    await telling.reporters(session, report, but=case.actor_id, told=HANDED_OVER)
    await telling.reviewers(session, report, title="有上报转交给您", body="请按时限办理。", but=case.actor_id)


async def _chain_to(session: AsyncSession, report: Report, area_id: UUID) -> list[Area]:
    """The areas from the root down to the target. Raises ValidationFailed for one that cannot answer for the report, or does already."""
    area = (await areas_queries.by_ids(session, [area_id])).get(area_id)
    if area is None or area.level.depth < Level.STREET.depth or area.path == report.area_path:
        raise errors.no_such_target()
    if not area.path.startswith((await areas_queries.root_of(session, path=report.area_path)).path):
        raise errors.no_such_target()
    return await areas_queries.ancestors(session, path=area.path)


def _put(report: Report, chain: list[Area]) -> None:
    """Below a street the place's community is the target's; a street answers for a place that stays where it is."""
    report.area_path = chain[-1].path
    found = {area.level: area.id for area in chain}
    report.community_id = found.get(Level.COMMUNITY, report.community_id)
    report.grid_id = found.get(Level.GRID)


async def escalate(session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, reason: str) -> None:
    """上报上级, one level at a time: those who answer there hear of it. Raises Conflict when there is none above."""
    case = await _escalatable(session, principal, report_id, seen)
    report = case.report
    above, top = await _next_above(session, report)
    report.escalated_to, report.escalated_to_top = above.id, top
    await cases.write(session, case, before=report.status, note=reason, area_id=str(above.id))
    await telling.officials(
        session, report, area_path=above.path, roles=[Role.REVIEWER, Role.AREA_ADMIN], title="有上报需要您关注",
        body="下级已将该上报提交给您。", but=case.actor_id,
    )


async def _escalatable(session: AsyncSession, principal: Principal, report_id: UUID, seen: int | None) -> Case:
    try:
        return await cases.take(session, principal=principal, report_id=report_id, command=Command.ESCALATE, seen=seen)
    except InvalidTransition:
        found = await queries.access(session, principal=principal, report_id=report_id)
        if found.report.escalated_to_top:
            raise Conflict("已上报至最高一级") from None
        raise


async def _next_above(session: AsyncSession, report: Report) -> tuple[Area, bool]:
    """The level above the one that was told last, or above the community or street that answers; and whether it is the tenant's root."""
    root = await areas_queries.root_of(session, path=report.area_path)
    chain = [area for area in await areas_queries.ancestors(session, path=report.area_path) if area.path.startswith(root.path)]
    told = next((number for number, area in enumerate(chain) if area.id == report.escalated_to), None)
    answers = max(number for number, area in enumerate(chain) if area.level is not Level.GRID)
    above = max(0, (answers if told is None else told) - 1)
    return chain[above], above == 0
