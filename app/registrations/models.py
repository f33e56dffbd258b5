"""Tables of registrations, of what people declared about the Party, and of contacts."""

from datetime import date
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


OPEN = sa.text("status in ('active', 'pending', 'returned', 'approved')")


class Registration(Table, table=True):
    """One registration. Name, occupation, employers are the member's own (`members`); the work area is repeated for lists and counts.

    The unique index is the rule that a person has one open registration. `reason_sealed` is the last reason given for a return, a
    rejection or a transfer.
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
    )

    number: str = Field(max_length=20)
    member_id: UUID = Field(foreign_key="member.id")
    direction: Direction = Field(sa_type=text_enum(Direction, "direction"))
    status: Status = Field(sa_type=text_enum(Status, "status"))
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    qrcode_id: UUID | None = Field(default=None, foreign_key="qrcode.id")
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    management: Management | None = Field(default=None, sa_type=text_enum(Management, "management"))
    contact_account_id: UUID | None = Field(default=None, foreign_key="account.id")
    next_contact_on: date | None = None
    reason_sealed: bytes | None = None
    version: int = 1


class Declaration(SQLModel, table=True):
    """What somebody declared about the Party, as one sealed JSON text. Everybody has one, so that having one tells nothing.

    Deleted when the registration ends, when the consent is withdrawn, and with the account.
    """

    __tablename__ = "registration_declaration"

    registration_id: UUID = Field(primary_key=True, foreign_key="registration.id")
    sealed: bytes


class RegistrationContact(Table, table=True):
    """One contact with a member, append-only but for its note, which an erasure empties."""

    __tablename__ = "registration_contact"
    __table_args__ = (sa.Index(None, "registration_id", "id"),)

    registration_id: UUID = Field(foreign_key="registration.id")
    made_by: UUID = Field(foreign_key="account.id")
    note_sealed: bytes | None = None
    next_contact_on: date
