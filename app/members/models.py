"""Tables of members, of the texts that they agree to, of what they agreed, and of whom they work for."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum
from app.schemas import Occupation


class Purpose(StrEnum):
    """What a consent is for. Each is asked and withdrawn on its own."""

    SERVICE = "service"
    LOCATION = "location"
    PARTY_IDENTITY = "party_identity"
    EMPLOYER_STATEMENT = "employer_statement"
    PUBLICITY = "publicity"
    RISK_CHECK = "risk_check"  # no text of it is in force until the county publishes one: nobody is asked before


class Member(Table, table=True):
    """A person as they described themselves; the id is the account's. Made when first something is written about them.

    Both names are sealed. `area_*` is where they work, as registered. An erased person keeps the row, emptied.
    """

    __tablename__ = "member"
    __table_args__ = (
        sa.CheckConstraint("(area_id is null) = (area_path is null)", name="area_whole"),
        sa.CheckConstraint(
            "erased_at is null or num_nonnulls(real_name_sealed, nickname_sealed, occupation, area_id) = 0", name="erased_is_empty"
        ),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    id: UUID = Field(primary_key=True, foreign_key="account.id")
    real_name_sealed: bytes | None = None
    nickname_sealed: bytes | None = Field(default=None, description="shown to the person alone: others read an alias")
    occupation: Occupation | None = Field(default=None, sa_type=text_enum(Occupation, "occupation"))
    area_id: UUID | None = Field(default=None, foreign_key="area.id")
    area_path: str | None = None
    erased_at: datetime | None = None
    version: int = 1


class ConsentText(Table, table=True):
    """One version of what a person reads before agreeing. At most one version of each purpose is in force; what it says never changes.

    `sufficient`: a yes to this version is still enough. A later text that asks everybody anew ends that for those before it.
    """

    __tablename__ = "consent_text"
    __table_args__ = (
        sa.UniqueConstraint("purpose", "version"),
        sa.Index("uq_consent_text_in_force", "purpose", unique=True, postgresql_where=sa.text("in_force")),
    )

    purpose: Purpose = Field(sa_type=text_enum(Purpose, "purpose"))
    version: str = Field(max_length=32)
    title: str = Field(max_length=120)
    text: str = Field(max_length=4000)
    in_force: bool = False
    sufficient: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class Consent(Table, table=True):
    """One yes or no, append-only (a trigger refuses UPDATE and DELETE): the proof of what was agreed when. The newest row counts.

    It outlives an erasure: it names no one but by an id that leads to nobody any more.
    """

    __tablename__ = "consent"
    __table_args__ = (
        sa.ForeignKeyConstraint(["purpose", "version"], ["consent_text.purpose", "consent_text.version"]),
        sa.Index(None, "member_id", "purpose", "created_at"),
    )

    member_id: UUID = Field(foreign_key="member.id")
    purpose: Purpose = Field(sa_type=text_enum(Purpose, "purpose"))
    version: str = Field(max_length=32)
    granted: bool


class Employment(Table, table=True):
    """A dated work relation, with an enterprise that we know or with one that the person named. `until` null: it goes on."""

    __tablename__ = "employment"
    __table_args__ = (
        sa.CheckConstraint("num_nonnulls(enterprise_id, name) > 0", name="somebody"),
        sa.CheckConstraint("until >= since", name="order"),
        sa.Index(
            "uq_employment_enterprise", "member_id", "enterprise_id", unique=True,
            postgresql_where=sa.text("until is null and enterprise_id is not null"),
        ),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "enterprise_id", postgresql_where=sa.text("until is null")),
        sa.Index(None, "enterprise_id", "until"),
    )

    member_id: UUID = Field(foreign_key="member.id")
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    name: str | None = Field(default=None, max_length=120)
    since: date | None = None
    until: date | None = Field(default=None, description="the last local day of it")
