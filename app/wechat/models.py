"""Tables of the WeChat connection: the shared access token, calls without quota, and what WeChat has pushed to us."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, json_field


class WeChatToken(Table, table=True):
    """The access token of one mini program, shared by all processes. Whoever sets `claimed_until` fetches the next one, alone."""

    __tablename__ = "wechat_token"
    __table_args__ = (
        sa.UniqueConstraint("appid"),
        sa.CheckConstraint("(token_sealed is null) = (expires_at is null) and (token_sealed is null) = (renew_at is null)", name="whole"),
    )

    appid: str = Field(max_length=64)
    token_sealed: bytes | None = None
    expires_at: datetime | None = None
    renew_at: datetime | None = Field(default=None, description="from here on the next token is fetched, while this one still works")
    claimed_until: datetime | None = Field(default=None, description="one process is fetching until then; a dead one's claim lapses")


class WeChatQuotaStop(Table, table=True):
    """A call (its path) whose quota of the day is used up: nobody makes it before `until`. A row whose time is over says nothing."""

    __tablename__ = "wechat_quota_stop"
    __table_args__ = (sa.UniqueConstraint("appid", "path"), sa.CheckConstraint("until > stopped_at", name="until"))

    appid: str = Field(max_length=64)
    path: str = Field(max_length=128)
    stopped_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
    until: datetime


class WeChatPushEvent(Table, table=True):
    """One pushed message, kept for days against repeats. `dedupe_key` hashes the message's own id, or the whole message without one.

    `payload` leaves out who it is about: that openid is sealed beside it.
    """

    __tablename__ = "wechat_push_event"
    __table_args__ = (sa.UniqueConstraint("dedupe_key"), sa.Index(None, "received_at"))

    dedupe_key: bytes
    body_sha256: bytes
    name: str = Field(max_length=64, description="WeChat's Event, or its MsgType where the message is no event")
    openid_sealed: bytes | None = None
    payload: dict[str, Any] = json_field()
    received_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
    taken_at: datetime | None = Field(default=None, description="its effects are there; set in the same transaction")


class WeChatPushNonce(SQLModel, table=True):
    """Timestamp and nonce of an accepted push, kept a little longer than a push counts as fresh: they never serve another message."""

    __tablename__ = "wechat_push_nonce"

    nonce: str = Field(primary_key=True, max_length=160)
    body_sha256: bytes
    created_at: datetime = Field(
        default=None, nullable=False, index=True, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")}
    )
