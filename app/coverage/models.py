"""Tables of who covers and looks after whom, and of the visits that were made. Every `until` is the last local day, included."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from app.db.base import Table, text_enum


class Duty(StrEnum):
    """What somebody is assigned as: 党建指导员, who gets the grant of that name, or 联络员, who gets none."""

    INSTRUCTOR = "instructor"
    LIAISON = "liaison"


class Topic(StrEnum):
    """What a visit was about."""

    SETTING_UP = "setting_up"
    ORGANISATION_LIFE = "organisation_life"
    DEVELOPMENT = "development"
    DEMANDS = "demands"
    RIGHTS = "rights"
    SAFETY = "safety"
    POLICY = "policy"
    OTHER = "other"


TOPICS = ", ".join(f"'{topic.value}'" for topic in Topic)
ONE_PLACE = "num_nonnulls(organisation_id, enterprise_id) = 1"


class Cover(Table, table=True):
    """An organisation covers an enterprise that is not its own (企企联建). Its own one it covers while it is in being, without a row."""

    __tablename__ = "organisation_coverage"
    __table_args__ = (
        sa.CheckConstraint("until >= since", name="order"),
        sa.Index(
            "uq_organisation_coverage_open", "organisation_id", "enterprise_id", unique=True, postgresql_where=sa.text("until is null")
        ),
        sa.Index(None, "organisation_id", "id"),
        sa.Index(None, "enterprise_id"),
    )

    organisation_id: UUID = Field(foreign_key="organisation.id")
    enterprise_id: UUID = Field(foreign_key="enterprise.id")
    since: date
    until: date | None = None


class Assignment(Table, table=True):
    """Somebody looks after an organisation or an enterprise. An instructor's goes with `grant_id` and has an end, as every grant.

    `account_id` null: an instructor named by a phone that nobody has bound yet; the grant knows who it becomes. `ended_at`: it was
    ended by command, from which moment the person may do nothing under it, though `until` may be that very day.
    """

    __tablename__ = "coverage_assignment"
    __table_args__ = (
        sa.CheckConstraint(ONE_PLACE, name="one_place"),
        sa.CheckConstraint("until >= since", name="order"),
        sa.CheckConstraint("account_id is not null or grant_id is not null", name="somebody"),
        sa.CheckConstraint("role = 'instructor' or grant_id is null", name="grant_of_instructor"),
        sa.CheckConstraint("ended_at is null or until is not null", name="ended_whole"),
        sa.Index(
            "uq_coverage_assignment_open", "account_id", "role", "organisation_id", "enterprise_id", unique=True,
            postgresql_where=sa.text("until is null"), postgresql_nulls_not_distinct=True,
        ),
        sa.Index(None, "organisation_id", "id", postgresql_where=sa.text("organisation_id is not null")),
        sa.Index(None, "enterprise_id", "id", postgresql_where=sa.text("enterprise_id is not null")),
        sa.Index(None, "account_id"),
    )

    role: Duty = Field(sa_type=text_enum(Duty, "role"))
    account_id: UUID | None = Field(default=None, foreign_key="account.id")
    grant_id: UUID | None = Field(default=None, foreign_key="access_grant.id", index=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    since: date
    until: date | None = None
    ended_at: datetime | None = None


class Visit(Table, table=True):
    """One visit to an organisation or an enterprise. The note is sealed, and empty once its writer is erased; day and topics stay."""

    __tablename__ = "coverage_visit"
    __table_args__ = (
        sa.CheckConstraint(ONE_PLACE, name="one_place"),
        sa.CheckConstraint(f"topics <@ array[{TOPICS}]::text[]", name="topics"),
        sa.Index(None, "organisation_id", "id", postgresql_where=sa.text("organisation_id is not null")),
        sa.Index(None, "enterprise_id", "id", postgresql_where=sa.text("enterprise_id is not null")),
        sa.Index(None, "account_id"),
    )

    account_id: UUID = Field(foreign_key="account.id")
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    enterprise_id: UUID | None = Field(default=None, foreign_key="enterprise.id")
    visited_on: date
    topics: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.Text), sa_column_kwargs={"server_default": "{}"})
    note_sealed: bytes | None = None
