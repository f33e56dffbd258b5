"""The table of short messages: what is to be sent to whom, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, json_field, text_enum


class SmsTemplate(StrEnum):
    """What an SMS says. Its text is registered with the provider and holds no word of the person, of an organisation, or of the Party.

    `invitation` names one parameter, the typed code of the invitation; `staff` names none.
    """

    INVITATION = "invitation"
    STAFF = "staff"


class SmsStatus(StrEnum):
    """`refused`: the provider will not, whatever is tried; `failed`: it never said, or there is no provider."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"


class Sms(Table, table=True):
    """One SMS. Its number is sealed, and goes as soon as it has ended: what stays says what it was about, and to nobody."""

    __tablename__ = "sms"
    __table_args__ = (
        sa.CheckConstraint("(ended_at is null) = (status in ('waiting', 'sending'))", name="ended"),
        sa.CheckConstraint("(ended_at is null) = (phone_sealed is not null)", name="phone_goes"),
        sa.CheckConstraint("unanswered between 0 and 2", name="unanswered"),
        sa.Index(None, "ended_at"),
    )

    template: SmsTemplate = Field(sa_type=text_enum(SmsTemplate, "template"))
    phone_sealed: bytes | None = None
    params: Any = json_field(list)
    about_kind: str = Field(max_length=32)
    about_id: UUID
    status: SmsStatus = Field(default=SmsStatus.WAITING, sa_type=text_enum(SmsStatus, "status"))
    unanswered: int = Field(default=0, sa_type=sa.SmallInteger, description="sends that may have arrived")
    until: datetime | None = Field(default=None, description="until then whoever sends it is taken to be at it")
    serial: str | None = Field(default=None, max_length=64, description="the provider's own number, for questions to them")
    reason: str | None = Field(default=None, max_length=64, description="the provider's code of a refusal")
    ended_at: datetime | None = None
