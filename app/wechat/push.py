"""WeChat's message push: is it WeChat that speaks, now, and for the first time? Then the event is stored with its job."""

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from app import clock
from app.db.base import new_id
from app.db.session import AsyncSession
from app.errors import Forbidden
from app.jobs import service as jobs_service
from app.security import sealing
from app.wechat import crypto, envelope, queries
from app.wechat.envelope import Pushed
from app.wechat.models import WeChatPushEvent, WeChatPushNonce
from app.wechat.queries import PushedEvent

FRESH = timedelta(minutes=5)
# WeChat repeats an event within minutes. A nonce is kept a little longer than twice FRESH; an event whose job failed can be tried again.
EVENTS_KEPT, UNTAKEN_KEPT, NONCES_KEPT = timedelta(days=7), timedelta(days=30), timedelta(minutes=15)
NONCE = re.compile(r"[\x21-\x7e]{1,128}")
# Only these have a job: a queue without a handler would fill for ever. Of all others the skeleton is kept, for whoever wonders.
HANDLED = frozenset({"wxa_media_check", "subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event"})


class PushRefused(Forbidden):
    """Not WeChat's, too old, used before for something else, or in the clear although a key is set. It says no more to a stranger."""

    detail = "推送签名无效或已过期"


@dataclass(frozen=True, slots=True)
class Signed:
    """What stands in the query of a push. Nothing is required: what lacks something has no right signature."""

    signature: str = field(repr=False)
    timestamp: str
    nonce: str
    msg_signature: str = field(default="", repr=False)

    @property
    def use(self) -> str:
        return f"{self.timestamp}:{self.nonce}"


@dataclass(frozen=True, slots=True)
class Channel:
    """How the console of the mini program is set: with an AES key, nothing in the clear is taken.

    While it is being changed there, WeChat still sends by the former token and key for a time: all that are listed are good.
    """

    appid: str
    tokens: Sequence[str] = field(repr=False)
    aes_keys: Sequence[str] = field(default=(), repr=False)

    def expect_hello(self, query: Signed) -> None:
        """Raises PushRefused unless WeChat asks, just now, whether this address is ours."""
        _expect_fresh(query)
        self._expect_signed(query.signature, query.timestamp, query.nonce)

    def open(self, query: Signed, body: bytes) -> bytes:
        """The message as WeChat wrote it. Raises PushRefused; BadRequest for a body that is neither JSON nor XML."""
        _expect_fresh(query)
        if not self.aes_keys:
            self._expect_signed(query.signature, query.timestamp, query.nonce)
            return body
        encrypted = envelope.parse(body).get("Encrypt")
        if not isinstance(encrypted, str):
            raise PushRefused
        self._expect_signed(query.msg_signature, query.timestamp, query.nonce, encrypted)
        for key in self.aes_keys:
            with suppress(crypto.Undecipherable):
                return crypto.decrypt(encrypted, aes_key=key, appid=self.appid)
        raise PushRefused

    def _expect_signed(self, given: str, *parts: str) -> None:
        """Raises PushRefused. Every token is tried, whichever is right: the time taken tells nothing."""
        if not any([crypto.signed(given, token, *parts) for token in self.tokens]):  # noqa: C419 - a generator would stop at the first
            raise PushRefused


async def take(session: AsyncSession, query: Signed, message: bytes) -> None:
    """Stores an opened message, and the job of a handled event `wechat.push.<Event>` (`{"event_id": …}`), unless it was taken before.

    Raises PushRefused when its nonce, or its own id, was used for another content; BadRequest for a message without a name.
    """
    pushed = envelope.read(envelope.parse(message), message)
    digest = hashlib.sha256(pushed.content).digest()
    if not await _first_use(session, query.use, digest):
        return
    event = new_id()
    if await _stored(session, event, pushed, digest) and pushed.name in HANDLED:
        await jobs_service.enqueue(session, f"wechat.push.{pushed.name}", {"event_id": str(event)}, key=f"wechat.push:{event}")


async def claim(session: AsyncSession, *, event_id: UUID) -> PushedEvent | None:
    """The event of a job `wechat.push.<Event>`, for one run alone: None when its effects are there already, or when it was deleted.

    The effects belong into the same transaction. A simultaneous second run waits here; a transaction that fails gives the event back.
    """
    taken = await session.exec(
        sa.update(WeChatPushEvent)
        .where(col(WeChatPushEvent.id) == event_id, col(WeChatPushEvent.taken_at).is_(None))
        .values(taken_at=sa.func.clock_timestamp())
    )
    return await queries.pushed_event(session, event_id=event_id) if taken.rowcount else None


async def sweep(session: AsyncSession) -> None:
    """Deletes what has served: nonces that are no longer fresh, events after a week; those that a job should take, after a month."""
    now, received = sa.func.clock_timestamp(), col(WeChatPushEvent.received_at)
    served = col(WeChatPushEvent.taken_at).is_not(None) | col(WeChatPushEvent.name).not_in(HANDLED)
    await session.exec(sa.delete(WeChatPushNonce).where(col(WeChatPushNonce.created_at) < now - NONCES_KEPT))
    await session.exec(sa.delete(WeChatPushEvent).where((received < now - UNTAKEN_KEPT) | (served & (received < now - EVENTS_KEPT))))


def _expect_fresh(query: Signed) -> None:
    """Phones' clocks are wrong, WeChat's is not: more than five minutes off is an old message, or none of theirs."""
    if not re.fullmatch(r"[0-9]{1,11}", query.timestamp) or not NONCE.fullmatch(query.nonce):
        raise PushRefused
    if abs(clock.now().timestamp() - int(query.timestamp)) > FRESH.total_seconds():
        raise PushRefused


async def _first_use(session: AsyncSession, use: str, digest: bytes) -> bool:
    """False for a repeat; a simultaneous one waits here for the first. Raises PushRefused when it serves another message now."""
    made = await session.exec(
        insert(WeChatPushNonce).values(nonce=use, body_sha256=digest).on_conflict_do_nothing().returning(col(WeChatPushNonce.nonce))
    )
    if made.first() is not None:
        return True
    await _expect_same(session, sa.select(col(WeChatPushNonce.body_sha256)).where(col(WeChatPushNonce.nonce) == use), digest)
    return False


async def _stored(session: AsyncSession, event: UUID, pushed: Pushed, digest: bytes) -> bool:
    """False when another delivery was stored before. Raises PushRefused when that had the same id and another content."""
    key = hashlib.sha256(pushed.identity).digest()
    sealed = pushed.openid and sealing.seal(session, pushed.openid, table=WeChatPushEvent.__tablename__, column="openid_sealed", row=event)
    made = await session.exec(
        insert(WeChatPushEvent)
        .values(
            id=event, dedupe_key=key, body_sha256=digest, name=pushed.name, openid_sealed=sealed,
            payload=pushed.payload if pushed.name in HANDLED else pushed.skeleton(),
        )
        .on_conflict_do_nothing()
        .returning(col(WeChatPushEvent.id))
    )
    if made.first() is not None:
        return True
    await _expect_same(session, sa.select(col(WeChatPushEvent.body_sha256)).where(col(WeChatPushEvent.dedupe_key) == key), digest)
    return False


async def _expect_same(session: AsyncSession, kept: Any, digest: bytes) -> None:
    if (await session.exec(kept)).scalars().one() != digest:
        raise PushRefused
