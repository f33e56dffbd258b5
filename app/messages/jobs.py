"""Copies of messages through WeChat, and what WeChat tells about permissions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.auth import queries as auth_queries
from app.errors import WeChatUnavailable
from app.jobs.registry import Context, handles
from app.messages import copies, queries, service, workflow
from app.messages.copies import Copy, Told
from app.messages.models import Push
from app.observability import get_logger
from app.wechat import push as wechat_push
from app.wechat.errors import SubscriptionRefused, WeChatRefused, WeChatSilent

log = get_logger(__name__)


@handles("message.push")
async def push(context: Context, payload: dict[str, Any]) -> None:
    """Sends the copy of a message once it is permitted. Raises WeChatUnavailable, so that the job comes again.

    What may have arrived already is sent a second time, and not a third; and not before WeChat has answered something else.
    """
    message_id = UUID(payload["message_id"])
    copy, openid = await _begin(context, message_id, answering=False)
    if copy is Told.PROBE:
        await context.wechat.probe()
        copy, openid = await _begin(context, message_id, answering=True)
    if not isinstance(copy, Copy):
        return
    try:
        outcome = Push.FAILED if openid is None else await _sent(context, openid, copy)
    except WeChatSilent:
        async with context.database.transaction() as session:
            await copies.leave(session, message_id=message_id, copy=copy)
        raise
    except WeChatUnavailable:
        await _end(context, message_id, copy, None)
        raise
    await _end(context, message_id, copy, outcome)


async def _begin(context: Context, message_id: UUID, *, answering: bool) -> tuple[Copy | Told, str | None]:
    async with context.database.transaction() as session:
        copy = await copies.begin(session, message_id=message_id, answering=answering)
        openid = await auth_queries.openid_of(session, account_id=copy.member_id) if isinstance(copy, Copy) else None
    return copy, openid


async def _sent(context: Context, openid: str, copy: Copy) -> Push:
    try:
        await context.wechat.send_subscription(openid, copy.template_id, copy.data, copy.page)
    except SubscriptionRefused:
        return Push.REFUSED
    except WeChatRefused as refusal:
        log.warning("message.copy_refused", errcode=refusal.errcode, template_id=copy.template_id)
        return Push.FAILED
    return Push.SENT


async def _end(context: Context, message_id: UUID, copy: Copy, outcome: Push | None) -> None:
    async with context.database.transaction() as session:
        await copies.end(session, message_id=message_id, copy=copy, outcome=outcome)


@handles("wechat.push.subscribe_msg_popup_event")
async def popup(context: Context, payload: dict[str, Any]) -> None:
    """The person answered in the mini program, which tells us the same; a yes that it could not tell is made good here."""
    await _take(context, payload, "SubscribeMsgPopupEvent")


@handles("wechat.push.subscribe_msg_change_event")
async def change(context: Context, payload: dict[str, Any]) -> None:
    """The person changed a permission in WeChat's own settings."""
    await _take(context, payload, "SubscribeMsgChangeEvent")


@handles("wechat.push.subscribe_msg_sent_event")
async def sent(context: Context, payload: dict[str, Any]) -> None:
    """What became of a message: where the person had refused it, nothing more is sent under that template."""
    await _take(context, payload, "SubscribeMsgSentEvent")


async def _take(context: Context, payload: dict[str, Any], wrapper: str) -> None:
    async with context.database.transaction() as session:
        event = await wechat_push.claim(session, event_id=UUID(payload["event_id"]))
        if event is None or event.openid is None:
            return
        account = await auth_queries.by_openid(session, openid=event.openid)
        if account is None:
            return
        known = {template.template_id for template in await queries.templates(session)}
        for template_id, accepted in _answers(event.payload, wrapper):
            if template_id in known:
                await service.note_answer(session, member_id=account.id, template_id=template_id, accepted=accepted)


def _answers(payload: Mapping[str, Any], wrapper: str) -> list[tuple[str, bool]]:
    """Template and answer of each line; lines that say nothing about a permission are left out."""
    read = ((str(line.get("TemplateId")), workflow.answer(line)) for line in workflow.lines(payload, wrapper))
    return [(template_id, accepted) for template_id, accepted in read if accepted is not None]
