"""Tables of the lists: a quarter's, frozen with its objections, and a year's shortlists. No name stands in any of them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum


class ObjectionStatus(StrEnum):
    RECEIVED = "received"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class ShortlistStatus(StrEnum):
    OPEN = "open"
    DECIDED = "decided"


class PublicityList(Table, table=True):
    """A tenant's list of a quarter. UNIQUE: whoever publishes it, and however many at once, it is made once and stays as it was made."""

    __tablename__ = "publicity_list"
    __table_args__ = (
        sa.UniqueConstraint("area_id", "year", "quarter"),
        sa.CheckConstraint("quarter between 1 and 4", name="quarter"),
    )

    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    year: int
    quarter: int
    published_at: datetime
    objections_until: date = Field(description="the last local day on which it can be objected to")


class PublicityLine(SQLModel, table=True):
    """What somebody earned in the quarter. It is shown while the person consents; an erasure deletes it, an upheld objection strikes it."""

    __tablename__ = "publicity_line"
    __table_args__ = (
        sa.CheckConstraint("points > 0 and events > 0", name="earned"),
        sa.CheckConstraint("(struck_at is null) = (objection_id is null)", name="struck_whole"),
    )

    list_id: UUID = Field(primary_key=True, foreign_key="publicity_list.id")
    member_id: UUID = Field(primary_key=True, foreign_key="account.id", index=True)
    points: int
    events: int
    struck_at: datetime | None = None
    objection_id: UUID | None = Field(default=None, foreign_key="points_publicity_objection.id", index=True)


class PublicityObjection(Table, table=True):
    """An objection to a quarter's list. `list_id` null: an earlier release took it in; the nightly job finds its list."""

    __tablename__ = "points_publicity_objection"
    __table_args__ = (
        sa.CheckConstraint("quarter between 1 and 4", name="quarter"),
        sa.CheckConstraint(
            "num_nulls(answer_id, answered_by, answered_at) = case status when 'received' then 3 else 0 end", name="answered_whole"
        ),
        sa.CheckConstraint("answered_by is distinct from member_id", name="not_for_oneself"),
        sa.Index(None, "list_id", "id"),
        sa.Index(None, "member_id"),
        sa.Index(None, "answer_id", postgresql_where=sa.text("answer_id is not null")),
    )

    list_id: UUID | None = Field(default=None, foreign_key="publicity_list.id")
    year: int
    quarter: int
    member_id: UUID = Field(foreign_key="account.id")
    text_id: UUID = Field(foreign_key="points_text.id", index=True)
    status: ObjectionStatus = Field(
        default=ObjectionStatus.RECEIVED, sa_type=text_enum(ObjectionStatus, "status"),
        sa_column_kwargs={"server_default": ObjectionStatus.RECEIVED.value},
    )
    answer_id: UUID | None = Field(default=None, foreign_key="points_text.id")
    answered_by: UUID | None = Field(default=None, foreign_key="account.id")
    answered_at: datetime | None = None


class Shortlist(Table, table=True):
    """Who meets a rule in a year, frozen, for people to decide among. Its candidates have no figures: there is nothing to rank them by.

    `rules` null: every rule counts. `as_of` is the last local day that was looked at.
    """

    __tablename__ = "shortlist"
    __table_args__ = (
        sa.CheckConstraint("min_points > 0 and min_active_months between 1 and 12 and cardinality(rules) > 0", name="rule"),
        sa.CheckConstraint("num_nulls(decided_by, decided_at) = case status when 'decided' then 0 else 2 end", name="decided_whole"),
        sa.CheckConstraint("decided_by is null or decided_by <> made_by", name="two_persons"),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
    )

    title: str = Field(max_length=120)
    year: int
    as_of: date
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    min_points: int
    min_active_months: int | None = None
    rules: list[str] | None = Field(default=None, sa_type=ARRAY(sa.Text))
    exclude_false_reports: bool
    status: ShortlistStatus = Field(default=ShortlistStatus.OPEN, sa_type=text_enum(ShortlistStatus, "status"))
    note_sealed: bytes | None = Field(default=None, description="why these; emptied when one of the candidates is erased")
    made_by: UUID = Field(foreign_key="account.id")
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
    version: int = 1


class ShortlistCandidate(SQLModel, table=True):
    """Somebody who met the rule. Shown while the person consents; an erasure deletes the row."""

    __tablename__ = "shortlist_candidate"

    shortlist_id: UUID = Field(primary_key=True, foreign_key="shortlist.id")
    member_id: UUID = Field(primary_key=True, foreign_key="account.id", index=True)
    chosen: bool = False
