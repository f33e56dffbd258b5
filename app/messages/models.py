"""Tables of the inbox and of the permissions to send copies of it through WeChat."""

from datetime import datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, json_field, text_enum

MAX_GRANTS = 1_000


class Category(StrEnum):
    """What a message is about."""

    REPORT = "report"
    POINTS = "points"
    REDEMPTION = "redemption"
    REGISTRATION = "registration"
    COMPLAINT = "complaint"
    ACCOUNT = "account"
    SYSTEM = "system"


class Push(StrEnum):
    """How the copy through WeChat went. Null: not tried, or to be tried again."""

    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    NOT_PERMITTED = "not_permitted"


class KeptBack(StrEnum):
    """Why a copy that was permitted was not sent. `push` says `not_permitted` of it, which the previous release knows too."""

    READ = "read"
    SUPERSEDED = "superseded"
    LAST_PERMISSION = "last_permission"


class Message(Table, table=True):
    """One row of somebody's inbox. It is the truth; what WeChat shows is a copy that may never arrive."""

    __tablename__ = "message"
    __table_args__ = (
        sa.CheckConstraint("(reference_type is null) = (reference_id is null)", name="reference_whole"),
        sa.Index(None, "member_id", "id"),
        sa.Index("ix_message_unread", "member_id", "id", postgresql_where=sa.text("read_at is null")),
        sa.Index("ix_message_sending", "member_id", postgresql_where=sa.text("push = 'sending'")),
    )

    member_id: UUID = Field(foreign_key="account.id")
    category: Category = Field(sa_type=text_enum(Category, "category"))
    title: str = Field(max_length=60)
    body: str = Field(max_length=500)
    path: str | None = Field(default=None, max_length=200, description="page of the mini program that shows what it is about")
    reference_type: str | None = Field(default=None, max_length=32)
    reference_id: UUID | None = None
    reference_number: str | None = Field(default=None, max_length=20)
    read_at: datetime | None = None
    push: Push | None = Field(default=None, sa_type=text_enum(Push, "push"))
    moment: str | None = Field(default=None, max_length=32, description="row of message_moment; null: the one named as the category")
    copy_asked_at: datetime | None = Field(default=None, description="when a job for its copy was made; null: nobody had permitted one")
    copy_until: datetime | None = Field(default=None, description="until then whoever sends the copy is taken to be at it")
    unanswered: int = Field(
        default=0, sa_type=sa.SmallInteger, sa_column_kwargs={"server_default": "0"}, description="sends that may have arrived"
    )
    kept_back: str | None = Field(default=None, max_length=16)


class MessageTemplate(SQLModel, table=True):
    """One subscription template of the mini program, as data: its id comes from WeChat's console.

    `fields` maps the template's keys to what stands there: text with {title}, {number} and {at}. Of a message nothing else leaves.
    """

    __tablename__ = "message_template"
    __table_args__ = (sa.Index("uq_message_template_category", "category", unique=True, postgresql_where=sa.text("active")),)

    template_id: str = Field(primary_key=True, max_length=64)
    category: Category = Field(sa_type=text_enum(Category, "category"))
    title: str = Field(max_length=60)
    moment: str = Field(max_length=32, description="when the mini program asks for the permission")
    fields: dict[str, Any] = json_field()
    active: bool = True
    quiet_from: time = Field(
        default=time(22), sa_column_kwargs={"server_default": "22:00"}, description="from here to quiet_until, Shanghai, copies wait"
    )
    quiet_until: time = Field(default=time(7), sa_column_kwargs={"server_default": "07:00"}, description="equal: never quiet")
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    made_by: UUID | None = Field(default=None, foreign_key="account.id")


class MessageMoment(SQLModel, table=True):
    """How useful it is to be told of a kind of event at once, beside the other kinds of its category; and whether it may wake people."""

    __tablename__ = "message_moment"
    __table_args__ = (sa.CheckConstraint("usefulness between 1 and 5", name="usefulness"),)

    code: str = Field(primary_key=True, max_length=32)
    category: Category = Field(sa_type=text_enum(Category, "category"))
    title: str = Field(max_length=60)
    usefulness: int = Field(default=1, sa_type=sa.SmallInteger)
    urgent: bool = Field(default=False, description="loses its use by the morning: quiet hours do not hold it")
    bulk: bool = Field(default=False, description="goes to many at once: its copies come after all others")


class MessageGrant(SQLModel, table=True):
    """How many messages of one template a member has permitted: +1 for every yes, −1 for every message sent, 0 at a no."""

    __tablename__ = "message_grant"
    __table_args__ = (sa.CheckConstraint(f"count between 0 and {MAX_GRANTS}", name="count"),)

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    template_id: str = Field(primary_key=True, max_length=64, foreign_key="message_template.template_id")
    count: int = 0
    changed_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
