"""Tables of registrations, of what people declared about the Party, of their history, of contacts and contact persons."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum


class Direction(StrEnum):
    MEMBER_SEEKS_ORG = "member_seeks_org"
    ORG_SEEKS_MEMBER = "org_seeks_member"


class Status(StrEnum):
    PENDING = "pending"
    RETURNED = "returned"
    APPROVED = "approved"
    ACTIVE = "active"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Management(StrEnum):
    """How an organisation looks after somebody: 直管, 流动, 挂靠."""

    DIRECT = "direct"
    MOBILE = "mobile"
    HOSTED = "hosted"


class MatchedBy(StrEnum):
    """How the present organisation was found."""

    SCANNED = "scanned"
    WORK_AREA = "work_area"
    ENTERPRISE = "enterprise"
    TRADE = "trade"
    TENANT = "tenant"
    ROOT_COMMITTEE = "root_committee"


class Command(StrEnum):
    """What may be done with a registration, and at its two ends what nobody commands: it is made, it is closed with a consent."""

    UPDATE = "update"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    RETURN = "return"
    REJECT = "reject"
    TRANSFER = "transfer"
    CONTACTS = "contacts"
    CONTACT_PERSON = "contact-person"
    CREATE = "create"
    CLOSE = "close"


class ActorRole(StrEnum):
    """As what somebody acted: the history names roles, not people."""

    MEMBER = "member"
    SECRETARY = "secretary"
    CONTACT = "contact"
    SYSTEM = "system"


class CardPhone(StrEnum):
    """Which number a contact person lets be shown to those whom they look after."""

    OFFICE = "office"
    OWN = "own"
    NONE = "none"


class ReminderKind(StrEnum):
    """`due`, `overdue`, `waiting` and `headless` are told somebody once a day, the others once about one registration."""

    DUE = "due"
    OVERDUE = "overdue"
    WAITING = "waiting"
    HEADLESS = "headless"
    CONTACT_LEFT = "contact_left"
    SIX_MONTHS = "six_months"


OPEN = sa.text("status in ('active', 'pending', 'returned', 'approved')")


class Registration(Table, table=True):
    """One registration. Name, occupation, employers are the member's own (`members`); the work area is repeated for lists and counts.

    The unique index is the rule that a person has one open registration. `reason_sealed` is the last reason given for a return, a
    rejection or a transfer; all of them stand in the history. `matched_by` is empty once it was handed on. `six_months_on`: the day on
    which a mobile member is away for six months; it counts only while it is approved.
    """

    __tablename__ = "registration"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.CheckConstraint("status not in ('pending', 'returned', 'approved') or organisation_id is not null", name="has_organisation"),
        sa.CheckConstraint(
            "num_nulls(management, contact_account_id, next_contact_on) = case when status = 'approved' then 0 else 3 end",
            name="contact_when_approved",
        ),
        sa.Index("uq_registration_open", "member_id", unique=True, postgresql_where=OPEN),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "organisation_id", "id"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("ix_registration_contact_due", "organisation_id", "next_contact_on", postgresql_where=sa.text("status = 'approved'")),
        sa.Index(None, "contact_account_id", "id", postgresql_where=sa.text("contact_account_id is not null")),
        sa.Index("ix_registration_six_months", "six_months_on", postgresql_where=sa.text("six_months_on is not null")),
    )

    number: str = Field(max_length=20)
    member_id: UUID = Field(foreign_key="member.id")
    direction: Direction = Field(sa_type=text_enum(Direction, "direction"))
    status: Status = Field(sa_type=text_enum(Status, "status"))
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    qrcode_id: UUID | None = Field(default=None, foreign_key="qrcode.id")
    matched_by: MatchedBy | None = Field(default=None, sa_type=text_enum(MatchedBy, "matched_by"))
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    management: Management | None = Field(default=None, sa_type=text_enum(Management, "management"))
    contact_account_id: UUID | None = Field(default=None, foreign_key="account.id")
    next_contact_on: date | None = None
    six_months_on: date | None = None
    reason_sealed: bytes | None = None
    version: int = 1


class Declaration(SQLModel, table=True):
    """What somebody declared about the Party, as one sealed JSON text. Everybody has one, so that having one tells nothing.

    After the approval of a mobile member it also says since when the six months are counted (`mobile_since`).

    Deleted when the registration ends, when the consent is withdrawn, and with the account.
    """

    __tablename__ = "registration_declaration"

    registration_id: UUID = Field(primary_key=True, foreign_key="registration.id")
    sealed: bytes


class RegistrationContact(Table, table=True):
    """One contact with a member, append-only but for its note, which an erasure empties.

    `made_as` null: by a secretary, when only they could.
    """

    __tablename__ = "registration_contact"
    __table_args__ = (sa.Index(None, "registration_id", "id"),)

    registration_id: UUID = Field(foreign_key="registration.id")
    made_by: UUID = Field(foreign_key="account.id")
    made_as: ActorRole | None = Field(default=None, sa_type=text_enum(ActorRole, "made_as"))
    note_sealed: bytes | None = None
    next_contact_on: date


class RegistrationEvent(Table, table=True):
    """One step in the life of a registration, append-only (a trigger refuses the rest): codes and ids, no person, no words.

    `organisation_id` is where it led; `reason_id` is the id of a text that may be erased, hence no foreign key.
    """

    __tablename__ = "registration_event"
    __table_args__ = (sa.Index(None, "registration_id", "id"),)

    registration_id: UUID = Field(foreign_key="registration.id")
    command: Command = Field(sa_type=text_enum(Command, "command"))
    from_status: Status | None = Field(default=None, sa_type=text_enum(Status, "from_status"))
    to_status: Status = Field(sa_type=text_enum(Status, "to_status"))
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    from_organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    actor_role: ActorRole = Field(sa_type=text_enum(ActorRole, "actor_role"))
    reason_id: UUID | None = None


class RegistrationText(Table, table=True):
    """The reason for a return, a rejection or a transfer. Deleted with the account and with the consent."""

    __tablename__ = "registration_text"

    registration_id: UUID = Field(foreign_key="registration.id", index=True)
    sealed: bytes


class ContactCard(SQLModel, table=True):
    """What a contact person agreed to have shown. None: the office's number."""

    __tablename__ = "registration_contact_card"

    account_id: UUID = Field(primary_key=True, foreign_key="account.id")
    phone: CardPhone = Field(sa_type=text_enum(CardPhone, "phone"))
    changed_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})


class Reminder(Table, table=True):
    """That somebody was reminded on a day, or that staff was told about one registration: the unique keys are why nobody hears it twice."""

    __tablename__ = "registration_reminder"
    __table_args__ = (
        sa.CheckConstraint(
            "num_nonnulls(account_id, day) = case when registration_id is null then 2 else 0 end", name="daily_or_once"
        ),
        sa.Index(
            "uq_registration_reminder_daily", "account_id", "kind", "day", unique=True, postgresql_where=sa.text("registration_id is null")
        ),
        sa.Index(
            "uq_registration_reminder_once", "registration_id", "kind", unique=True, postgresql_where=sa.text("registration_id is not null")
        ),
    )

    kind: ReminderKind = Field(sa_type=text_enum(ReminderKind, "kind"))
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    day: date | None = None
    registration_id: UUID | None = Field(default=None, foreign_key="registration.id")
