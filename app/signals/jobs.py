"""What runs after a report was filed or amended, and asking WeChat about the risk of an account."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app import clock
from app.auth import queries as auth_queries
from app.errors import NotFound
from app.jobs.registry import Context, every, handles
from app.members import queries as members_queries
from app.members import service as members_service
from app.members.models import Purpose
from app.observability import get_logger
from app.signals import queries, service
from app.wechat.errors import WeChatRefused

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What WeChat is told of a person."""

    openid: str
    phone: str | None
    address: str


@handles("report.signals")
async def recompute(context: Context, payload: dict[str, Any]) -> None:
    """The prints of its photos are there already: they are made with the upload."""
    async with context.database.transaction() as session:
        await service.recompute(session, report_id=UUID(payload["report_id"]))


@handles("signals.ask_risk")
async def ask_risk(context: Context, payload: dict[str, Any]) -> None:
    """Asks once and notes the answer; the report at hand, if there is one, gets its signals anew.

    A refusal (61010: the person has not been here for two hours) is no sign of anything. Raises WeChatUnavailable: it is tried again, for
    an hour, and then left alone.
    """
    member_id, scene = UUID(payload["member_id"]), int(payload["scene"])
    question = await _question(context, payload, member_id, scene)
    if question is None:
        return
    if isinstance(question, int):
        await _tell(context, payload)
        return
    try:
        rank = await context.wechat.risk_rank(question.openid, scene=scene, client_ip=question.address, mobile=question.phone)
    except WeChatRefused as refusal:
        log.warning("signals.risk_refused", errcode=refusal.errcode)
        return
    try:
        async with context.database.transaction() as session:
            kept = await service.note_risk(session, member_id=member_id, rank=rank)
    except NotFound:
        return  # Erased meanwhile.
    if kept:
        await _tell(context, payload)


async def _tell(context: Context, payload: dict[str, Any]) -> None:
    """The report's own job may have come before the answer."""
    if "report_id" in payload:
        await recompute(context, payload)


async def _question(context: Context, payload: dict[str, Any], member_id: UUID, scene: int) -> Question | int | None:
    """The rank itself where it was asked just now; None when it is too late, or the person does not agree (any more)."""
    if clock.now() >= datetime.fromisoformat(payload["until"]):
        return None
    async with context.database.transaction() as session:
        if not await members_queries.has_consent(session, member_id=member_id, purpose=Purpose.RISK_CHECK):
            return None
        known = await queries.rank(session, member_id=member_id, fresh=True)
        if known is not None:
            return known
        openid = await auth_queries.openid_of(session, account_id=member_id)
        if openid is None:
            return None
        phone = await auth_queries.phone_of(session, account_id=member_id)
        service.note_asking(session, member_id=member_id, scene=scene)
        return Question(openid, phone, members_service.address_in(session, payload))


@every("25 18 * * *", "signals.drop_old_ranks")
async def drop_old_ranks(context: Context) -> None:
    """Twenty-five past two in Shanghai."""
    async with context.database.transaction() as session:
        await service.drop_old_ranks(session)
