"""Asking WeChat about photos, taking its verdicts, and sweeping what nobody uses."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.errors import WeChatUnavailable
from app.jobs import service as jobs_service
from app.jobs.registry import Context, every, handles
from app.observability import get_logger
from app.storage.store import Stored
from app.uploads import keeping, links, ports, queries, service, workflow
from app.uploads.models import Checked
from app.wechat import push
from app.wechat.errors import WeChatRefused

log = get_logger(__name__)

# A verdict may overtake the answer that names its trace: for this long an unknown trace is worth another try.
TRACE_SETTLES = timedelta(seconds=30)
ORPHANS_AT_ONCE = 2_000  # no more in one run: a database that is not the store's own must not empty it before somebody looks


class TraceUnknown(Exception):
    """No photo has this trace yet: the job is tried again."""


@handles("upload.check")
async def check(context: Context, payload: dict[str, Any]) -> None:
    """Asks WeChat to check a photo. What WeChat does not answer within the retries is left to the timer; no photo fails for it."""
    upload_id = UUID(payload["upload_id"])
    asked = await _what_to_ask(context, upload_id)
    if asked is None:
        return
    try:
        trace_id = await context.wechat.check_image(*asked)
    except WeChatRefused as refusal:
        log.warning("upload.check_refused", upload_id=str(upload_id), errcode=refusal.errcode)
        return
    except WeChatUnavailable:
        await _ask_again(context, upload_id)
        return
    async with context.database.transaction() as session:
        await service.note_check(session, upload_id=upload_id, trace_id=trace_id)


async def _what_to_ask(context: Context, upload_id: UUID) -> tuple[str, str] | None:
    """The uploader's openid and an address for WeChat; None when there is nothing to ask, or nobody to ask for or of.

    What is not attached to something that strangers see is nobody's business, WeChat's neither: papers, proofs, people's demands.
    """
    async with context.database.transaction() as session:
        upload = await queries.get(session, upload_id)
        if upload is None or upload.checked is not Checked.PENDING or upload.trace_id is not None or context.wechat is None:
            return None
        if upload.kind is None or not ports.is_checked(upload.kind):
            return None
        openid = await auth_queries.openid_of(session, account_id=upload.member_id)
        if openid is None:
            await service.leave_to_people(session, upload_id=upload_id)
            return None
        return openid, links.signed(session, upload_id, "view", life=workflow.CHECK_LINK_LIFE)


async def _ask_again(context: Context, upload_id: UUID) -> None:
    async with context.database.transaction() as session:
        if await queries.waits_for_less_than(session, upload_id, workflow.ASK_WITHIN):
            await jobs_service.enqueue(session, "upload.check", {"upload_id": str(upload_id)}, delay=workflow.ASK_AGAIN_AFTER)


@handles("wechat.push.wxa_media_check")
async def take_verdict(context: Context, payload: dict[str, Any]) -> None:
    """Stores the verdict that WeChat has pushed. Raises TraceUnknown while its photo may still learn the trace."""
    async with context.database.transaction() as session:
        event = await push.claim(session, event_id=UUID(payload["event_id"]))
        trace_id = event and event.payload.get("trace_id")
        if event is None or not isinstance(trace_id, str):
            return
        verdict, label = workflow.verdict(event.payload)
        known = await service.judge(session, trace_id=trace_id, verdict=verdict, label=label)
        if not known and _just_now(UUID(payload["event_id"])):
            raise TraceUnknown  # The event stays to be taken.


def _just_now(event_id: UUID) -> bool:
    """An event's id is a UUIDv7: its first 48 bits are the milliseconds since 1970 at which it was stored."""
    return clock.now().timestamp() - (event_id.int >> 80) / 1000 < TRACE_SETTLES.total_seconds()


@every("*/5 * * * *", "upload.end_waiting")
async def end_waiting(context: Context) -> None:
    """Puts photos whose verdict did not come before people."""
    while True:
        async with context.database.transaction() as session:
            if await service.end_waiting(session) < service.BATCH:
                return


@every("11 * * * *", "upload.drop_unattached")
async def drop_unattached(context: Context) -> None:
    """Deletes photos that nothing was made of within a day."""
    while True:
        async with context.database.transaction() as session:
            if await service.drop_unattached(session) < service.BATCH:
                return


@handles("upload.delete_objects")
async def delete_objects(context: Context, payload: dict[str, Any]) -> None:
    """Deletes objects whose rows are gone; should a row still name one, that one stays."""
    async with context.database.transaction() as session:
        unused = await queries.without_row(session, payload["keys"])
    await keeping.remove(context.store, unused)


@every("41 */6 * * *", "upload.sweep_objects")
async def sweep_objects(context: Context) -> None:
    """Deletes objects that no row names: a request that died between store and database left them."""
    removed = 0
    for folder in keeping.FOLDERS:
        async for page in context.store.listing(folder):
            removed += await _remove_orphans(context, page)
            if removed >= ORPHANS_AT_ONCE:
                log.error("upload.many_orphans", removed=removed)
                return
    if removed:
        log.info("upload.orphans_removed", removed=removed)


async def _remove_orphans(context: Context, page: Sequence[Stored]) -> int:
    old = [found.key for found in page if found.changed_at < clock.now() - workflow.ORPHAN_AFTER]
    async with context.database.transaction() as session:
        orphans = await queries.without_row(session, old) if old else set()
    await keeping.remove(context.store, orphans)
    return len(orphans)
