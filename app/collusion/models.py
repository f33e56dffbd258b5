"""Tables of the lens: cases with their reasons, the sentences of whoever decided them, and what counts as unlikely."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum


class ReasonCode(StrEnum):
    """In the order in which people read them."""

    PAIR_SHARE = "pair_share"
    PAIR_FREQUENCY = "pair_frequency"
    QUICK = "quick"
    ODD_HOURS = "odd_hours"
    SHARED_DEVICE = "shared_device"
    STORE_STAFF = "store_staff"
    TYPED_CODES = "typed_codes"
    UNDO_LOOPS = "undo_loops"
    OLD_TICKETS = "old_tickets"
    REVIEWER_SHARE = "reviewer_share"


class CaseStatus(StrEnum):
    """`lapsed`: one of its persons was erased before anybody decided."""

    OPEN = "open"
    DISMISSED = "dismissed"
    NOTED = "noted"
    LAPSED = "lapsed"


class CollusionThreshold(SQLModel, table=True):
    """What one reason asks for; data, so that a county can be told what was asked, and changed without a release.

    `bound` is the probability by chance, or for `pair_frequency` the distance in spreads; `least` is the share of the pair's own
    verifications that must show it, for `quick` with `seconds` as what is quick; for `odd_hours` it is with `rare` the share of the
    store's custom under which an hour is not usual. `weight`: 2 opens a case alone, 1 with another, 0 only adds to one.
    """

    __tablename__ = "collusion_threshold"
    __table_args__ = (
        sa.CheckConstraint("min_support > 0 and bound > 0 and least between 0 and 1 and seconds > 0 and rare between 0 and 1", name="sane"),
        sa.CheckConstraint("weight between 0 and 2", name="weight"),
    )

    code: ReasonCode = Field(primary_key=True, sa_type=text_enum(ReasonCode, "code"))
    active: bool = True
    min_support: int
    bound: float
    least: float = 0.0
    seconds: int | None = None
    rare: float | None = None
    weight: int = 1


class CollusionCase(Table, table=True):
    """A clerk and a member at a store whom people should look at. It does nothing by itself: no points, order or grant knows of it.

    `reviewer_id`: who accepted the member's reports unusually often. An erasure takes its person out of the row.
    """

    __tablename__ = "collusion_case"
    __table_args__ = (
        sa.CheckConstraint("(status = 'open') = (decided_at is null)", name="ended"),
        sa.CheckConstraint(
            "num_nulls(decided_by, note_id) = case when status in ('dismissed', 'noted') then 0 else 2 end", name="decided_whole"
        ),
        sa.CheckConstraint("status <> 'open' or num_nulls(clerk_id, member_id) = 0", name="open_names_both"),
        sa.CheckConstraint("clerk_id <> member_id", name="two_persons"),
        sa.CheckConstraint(
            "decided_by is null or (decided_by is distinct from clerk_id and decided_by is distinct from member_id"
            " and decided_by is distinct from reviewer_id)",
            name="decided_by_another",
        ),
        sa.Index(
            "uq_collusion_case_open", "store_id", "clerk_id", "member_id", unique=True, postgresql_where=sa.text("status = 'open'")
        ),
        sa.Index(None, "store_id", "id"),
        sa.Index(None, "clerk_id", postgresql_where=sa.text("clerk_id is not null")),
        sa.Index(None, "member_id", postgresql_where=sa.text("member_id is not null")),
        sa.Index(None, "reviewer_id", postgresql_where=sa.text("reviewer_id is not null")),
        sa.Index(None, "note_id", postgresql_where=sa.text("note_id is not null")),
    )

    store_id: UUID = Field(foreign_key="store.id")
    clerk_id: UUID | None = Field(foreign_key="account.id")
    member_id: UUID | None = Field(foreign_key="account.id")
    reviewer_id: UUID | None = Field(default=None, foreign_key="account.id")
    status: CaseStatus = Field(default=CaseStatus.OPEN, sa_type=text_enum(CaseStatus, "status"))
    decided_at: datetime | None = None
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    note_id: UUID | None = Field(default=None, foreign_key="collusion_text.id")
    version: int = 1


class CollusionReason(Table, table=True):
    """One thing that was found, with the figures it rests on. Append-only: what a decision was taken on can be read again."""

    __tablename__ = "collusion_reason"
    __table_args__ = (
        sa.CheckConstraint("support > 0 and observed >= 0 and expected >= 0", name="figures"),
        sa.CheckConstraint("window_to >= window_from", name="order_of_days"),
        sa.Index(None, "case_id", "id"),
    )

    case_id: UUID = Field(foreign_key="collusion_case.id")
    code: ReasonCode = Field(sa_type=text_enum(ReasonCode, "code"))
    observed: float
    expected: float = Field(description="what the store's own normal would be")
    support: int = Field(description="how many verifications (of reports: acceptances) it rests on")
    window_from: date
    window_to: date


class CollusionText(Table, table=True):
    """Why a case was dismissed or noted. An erasure of whoever wrote it, or of whom it is about, empties it."""

    __tablename__ = "collusion_text"

    author_id: UUID = Field(foreign_key="account.id", index=True)
    text: str | None = Field(max_length=500)
