"""复核: some verifications, drawn at random, are looked at once more by a third person."""

import secrets
from uuid import UUID

from app.auth.principal import Principal
from app.categories import queries as categories_queries
from app.db.session import AsyncSession
from app.reports import workflow
from app.reports.models import ReportSecondLook
from app.reports.service import case as cases
from app.reports.service import telling
from app.reports.service.case import Case
from app.reports.service.writing import Written
from app.reports.words import LookStatus, Status
from app.reports.workflow import Command, Facts, Need

NOT_PASSED = ("复核发现问题", "复核认为问题没有解决，审核员将重新研判。")
MAY_REOPEN = ("复核发现问题", "复核认为问题没有解决，办结后 7 天内可以重新打开。")


async def draw(session: AsyncSession, case: Case, event: Written) -> None:
    """Draws a verification for a second look, or does not: nobody knows beforehand which. Nothing waits for the look.

    What was accepted has a category; the version that the report keeps says how many of a hundred are drawn.
    """
    report = case.report
    policy = await categories_queries.policy_of(session, (report.category_code, report.category_version))
    assert policy is not None and report.resolver_id is not None and report.verifier_id is not None
    if not drawn(policy.second_look_percent):
        return
    session.add(
        ReportSecondLook(
            report_id=report.id, event_id=event.id, drawn_at=case.now, resolver_id=report.resolver_id, verifier_id=report.verifier_id
        )
    )
    await session.flush()


def drawn(percent: int) -> bool:
    return secrets.randbelow(100) < percent


async def second_look(
    session: AsyncSession, *, principal: Principal, report_id: UUID, seen: int | None, passed: bool, note: str
) -> None:
    """The third person's word. A no disputes what still waits for its reporters; of what is closed they hear that they may reopen it."""
    case = await cases.take(session, principal=principal, report_id=report_id, command=Command.SECOND_LOOK, seen=seen)
    report, look = case.report, case.look
    assert look is not None
    if passed or report.status is Status.CLOSED:
        event = await cases.write(session, case, before=report.status, note=note, passed=passed)
    else:
        event = await cases.move(session, case, Status.DISPUTED, note=note, told=NOT_PASSED, passed=False)
    look.status = LookStatus.PASSED if passed else LookStatus.FAILED
    look.looked_by, look.looked_at, look.note_id = case.actor_id, case.now, event.note_id
    session.add(look)
    await session.flush()
    if not passed:
        await _alarm(session, case)


async def _alarm(session: AsyncSession, case: Case) -> None:
    report = case.report
    closed = Facts(status=report.status, now=case.now, reopen_count=report.reopen_count, ended_at=report.ended_at)
    if report.status is Status.CLOSED and workflow.met(Need.REOPENING_LEFT, closed):
        await telling.reporters(session, report, but=case.actor_id, told=MAY_REOPEN)
    await telling.reviewers(session, report, title="复核未通过", body="请研判是否返工。", but=case.actor_id)
