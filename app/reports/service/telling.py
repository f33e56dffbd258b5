"""Messages of the report loop. Their texts name the number and the state, never a place, a name or a word of the report."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from app.auth import queries as auth_queries
from app.auth.roles import Role
from app.db.session import AsyncSession
from app.messages import service as messages_service
from app.reports import queries, workflow
from app.reports.models import Report
from app.reports.words import Status

PAGE = "pages/report/detail?id={}"
# What its reporter waits for, or is asked; everything else on the way is news, which leaves them the last permission for this.
RESULTS = frozenset({Status.AWAITING_FEEDBACK, Status.CLOSED, Status.REJECTED})


async def reporters(
    session: AsyncSession, report: Report, *, but: UUID | None, told: tuple[str, str] | None = None, joined: Sequence[UUID] | None = None
) -> None:
    """Tells the reporter and everyone who joined about the state, or what is told instead; who caused it knows it."""
    title, body = told or workflow.TOLD[report.status]
    if joined is None:
        joined = await queries.joined_by(session, report_id=report.id)
    moment = "report_result" if report.status in RESULTS else "report_progress"
    await send(session, report, {report.member_id, *joined} - {but}, title=title, body=body, moment=moment)


async def assignee(session: AsyncSession, report: Report, *, title: str, body: str, but: UUID | None) -> None:
    if report.assignee_id is not None and report.assignee_id != but:
        await send(session, report, [report.assignee_id], title=title, body=body)


async def reviewers(
    session: AsyncSession, report: Report, *, title: str, body: str, but: UUID | None = None, moment: str | None = None
) -> None:
    """Tells everyone who may review the report; who caused it knows it."""
    await officials(
        session, report, area_path=report.area_path, roles=[Role.REVIEWER], title=title, body=body, but=but, moment=moment
    )


async def emergency(session: AsyncSession, report: Report) -> None:
    await reviewers(session, report, title="紧急上报", body="请在 15 分钟内受理。", moment="report_emergency")


async def officials(
    session: AsyncSession, report: Report, *, area_path: str, roles: Sequence[Role], title: str, body: str, but: UUID | None,
    moment: str | None = None,
) -> None:
    """Tells those who hold one of the roles on this area or above it, and have no part in the report as its reporters."""
    found = await auth_queries.covering(session, area_path=area_path, roles=roles)
    joined = await queries.joined_by(session, report_id=report.id)
    await send(session, report, set(found) - {report.member_id, *joined, but}, title=title, body=body, moment=moment)


async def send(
    session: AsyncSession, report: Report, ids: Iterable[UUID | None], *, title: str, body: str, moment: str | None = None
) -> None:
    for member_id in sorted(one for one in ids if one is not None):
        await messages_service.send(
            session, member_id=member_id, category="report", title=title, body=f"{report.number}：{body}", path=PAGE.format(report.id),
            reference=("report", report.id, report.number), moment=moment,
        )
