"""What runs after a report was filed, and by the clock: checks, notices, resuming, closing."""

from typing import Any
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.errors import WeChatUnavailable
from app.jobs import service as jobs_service
from app.jobs.registry import Context, every, handles
from app.observability import get_logger
from app.reports import queries, queries_due, service, texts
from app.reports.words import TextCheck
from app.uploads import queries as uploads_queries
from app.uploads import workflow as uploads_workflow
from app.uploads.models import Checked
from app.wechat.errors import WeChatRefused

log = get_logger(__name__)


@handles("report.check_text")
async def check_text(context: Context, payload: dict[str, Any]) -> None:
    """Asks WeChat about the description. What WeChat will not judge is for people, and what it does not answer in time.

    While it is away a later job asks again; `since` are the seconds since 1970 at which the first one found it so.
    """
    report_id, since = UUID(payload["report_id"]), float(payload.get("since", clock.now().timestamp()))
    async with context.database.transaction() as session:
        report = (await queries.lock(session, report_id)).get(report_id)
        if report is None or report.text_check is not TextCheck.PENDING:
            return
        sealed, text = report.description_sealed, texts.description(session, report)
        openid = await auth_queries.openid_of(session, account_id=report.member_id)
    verdict = TextCheck.REVIEW.value
    if text and openid and context.wechat is not None:
        try:
            verdict = (await context.wechat.check_text(openid, text)).value
        except WeChatRefused as refusal:
            log.warning("report.check_refused", report_id=str(report_id), errcode=refusal.errcode)
        except WeChatUnavailable:
            if clock.now().timestamp() - since < uploads_workflow.VERDICT_WITHIN.total_seconds():
                await _ask_again(context, report_id, since)
                return
    async with context.database.transaction() as session:
        await service.judge_text(session, report_id=report_id, verdict=verdict, of=sealed)


async def _ask_again(context: Context, report_id: UUID, since: float) -> None:
    async with context.database.transaction() as session:
        asked = {"report_id": str(report_id), "since": since}
        await jobs_service.enqueue(session, "report.check_text", asked, delay=uploads_workflow.ASK_AGAIN_AFTER)


@handles("upload.judged")
async def photo_judged(context: Context, payload: dict[str, Any]) -> None:
    """A photo got its verdict. What is risky is never shown to strangers; here those who decide about the report are told."""
    async with context.database.transaction() as session:
        upload = await uploads_queries.get(session, UUID(payload["upload_id"]))
        if upload is None or upload.owner_id is None or not str(upload.kind).startswith("report_"):
            return
        if upload.checked is Checked.RISKY:
            await service.note_photo(session, report_id=upload.owner_id)


@every("* * * * *", "report.sweep")
async def sweep(context: Context) -> None:
    """Ends suspensions whose time is over, and tells whose limit has passed; each report in a transaction of its own."""
    async with context.database.transaction() as session:
        resting, late = await queries_due.to_resume(session), await queries_due.overdue(session)
    for report_id in resting:
        async with context.database.transaction() as session:
            await service.resume_due(session, report_id=report_id)
    for report_id in late:
        async with context.database.transaction() as session:
            await service.tell_overdue(session, report_id=report_id)


@every("*/10 * * * *", "report.close_silent")
async def close_silent(context: Context) -> None:
    """Closes what waited seven days for a word of its reporters."""
    async with context.database.transaction() as session:
        found = await queries_due.unanswered(session)
    for report_id in found:
        async with context.database.transaction() as session:
            await service.close_silent(session, report_id=report_id)
