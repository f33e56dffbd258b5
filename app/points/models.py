"""Tables of the ledger. Transactions, entries and awards are append-only (a trigger refuses UPDATE and DELETE)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel, col

from app.db.base import Table, json_field, text_enum


class Kind(StrEnum):
    EARN = "earn"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    EXPIRE = "expire"
    ADJUST = "adjust"
    REVERSE = "reverse"


class LedgerAccount(StrEnum):
    """Member accounts carry a member_id; the others belong to the county and have no balance row, so none of them is hot."""

    ISSUANCE = "issuance"
    AVAILABLE = "available"
    HELD = "held"
    DEBT = "debt"
    REDEEMED = "redeemed"
    EXPIRED = "expired"
    ADJUSTMENT = "adjustment"


class ProposalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class PointsRule(Table, table=True):
    """One version of a rule. Caps count units of awards; `area_path` null is the rule of the whole platform, else of that subtree.

    Validity is asked for the local day on which the source was filed; null is without a bound. The newest version that holds wins.
    """

    __tablename__ = "points_rule"
    __table_args__ = (
        sa.UniqueConstraint("code", "version"),
        sa.CheckConstraint("points <> 0 and version > 0", name="sane"),
        sa.CheckConstraint("valid_until >= valid_from", name="order_of_days"),
        sa.Index(None, "code", "area_path"),
    )

    code: str = Field(max_length=32)
    version: int
    title: str = Field(max_length=120)
    points: int
    points_max: int | None = None
    per_day: int | None = None
    per_week: int | None = None
    per_month: int | None = None
    per_year: int | None = None
    conditions: dict[str, Any] = json_field()
    area_path: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    made_by: UUID | None = Field(default=None, foreign_key="account.id")


class PointsBalance(SQLModel, table=True):
    """What a member has. Changed only by statements relative to itself, together with a transaction and its entries."""

    __tablename__ = "points_balance"
    __table_args__ = (
        sa.CheckConstraint("available >= 0 and held >= 0 and debt >= 0", name="not_negative"),
        sa.CheckConstraint("available = 0 or debt = 0", name="debt_is_settled_first"),
        {"postgresql_with": {"fillfactor": "80"}},
    )

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    available: int = 0
    held: int = 0
    debt: int = 0
    version: int = 0


class PointsTransaction(Table, table=True):
    """One event of a member's ledger, the line that the member reads. `amount`: effect on available − debt; `held`: on what is held."""

    __tablename__ = "points_transaction"
    __table_args__ = (
        sa.CheckConstraint("amount <> 0 or held <> 0", name="moves_something"),
        sa.CheckConstraint(
            "case kind when 'earn' then amount > 0 and held = 0 when 'hold' then amount < 0 and held = -amount"
            " when 'capture' then amount = 0 and held < 0 when 'release' then amount > 0 and held = -amount"
            " when 'expire' then amount < 0 and held = 0 when 'adjust' then amount <> 0 and held = 0"
            " else (amount < 0 and held = 0) or (amount = 0 and held > 0) end",
            name="signs",
        ),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "reference_type", "reference_id"),
        sa.Index(
            "uq_points_transaction_taken_back", "reverses_id", unique=True,
            postgresql_where=sa.text("reverses_id is not null and amount < 0"),
        ),
        sa.UniqueConstraint("member_id", "account_version"),
    )

    member_id: UUID = Field(foreign_key="account.id")
    kind: Kind = Field(sa_type=text_enum(Kind, "kind"))
    amount: int
    held: int = 0
    balance_after: int
    account_version: int = Field(description="the member's balance version after it: no gaps, no repeats")
    rule_code: str | None = Field(default=None, max_length=32)
    rule_version: int | None = None
    reason_code: str = Field(max_length=32)
    reference_type: str = Field(max_length=32)
    reference_id: UUID
    reference_number: str | None = Field(default=None, max_length=20)
    reverses_id: UUID | None = Field(default=None, foreign_key="points_transaction.id")
    actor_id: UUID | None = None


class PointsLot(Table, table=True):
    """Points that came together and lapse together. `remaining` is what is available of it; what is held or spent has left it."""

    __tablename__ = "points_lot"
    __table_args__ = (
        sa.CheckConstraint("remaining >= 0 and remaining <= amount", name="bounds"),
        sa.Index(None, "member_id", "expires_on", "id", postgresql_where=sa.text("remaining > 0")),
    )

    member_id: UUID = Field(foreign_key="account.id")
    transaction_id: UUID = Field(foreign_key="points_transaction.id", index=True)
    amount: int
    remaining: int
    expires_on: date = Field(description="the last local day on which it can be spent")


# What is left of a lot, in the words of its partial index: were the 0 bound, no generic plan could go by it.
LEFT = col(PointsLot.remaining) > sa.literal_column("0")


class PointsEntry(Table, table=True):
    """Double entry: the entries of a transaction come in one statement and sum to 0 (a trigger checks it). One row per lot touched.

    What is redeemed is kept by store and by the Shanghai month of the verification; it is summed, so no row of a store is hot. Entries of
    releases before 0028 say neither that nor what their account came to.
    """

    __tablename__ = "points_entry"
    __table_args__ = (
        sa.CheckConstraint("amount <> 0", name="not_zero"),
        sa.CheckConstraint(
            "balance_after is null or (member_id is not null and account_version is not null"
            " and case account when 'debt' then balance_after <= 0 else balance_after >= 0 end)",
            name="balance_after",
        ),
        sa.CheckConstraint(
            "(store_id is null) = (month is null) and (store_id is null or account = 'redeemed')"
            " and (month is null or month = date_trunc('month', month))",
            name="redeemed_at",
        ),
        sa.Index(None, "transaction_id"),
        sa.Index(None, "lot_id", postgresql_where=sa.text("lot_id is not null")),
        sa.Index(None, "store_id", "month", postgresql_include=["amount"], postgresql_where=sa.text("store_id is not null")),
    )

    transaction_id: UUID = Field(foreign_key="points_transaction.id")
    account: LedgerAccount = Field(sa_type=text_enum(LedgerAccount, "account"))
    member_id: UUID | None = None
    lot_id: UUID | None = Field(default=None, foreign_key="points_lot.id")
    amount: int
    balance_after: int | None = Field(default=None, description="the sum of the member's entries in this account up to this one")
    account_version: int | None = Field(default=None, description="the transaction's")
    store_id: UUID | None = Field(default=None, foreign_key="store.id")
    month: date | None = None


class PointsAward(Table, table=True):
    """What a rule judged about one source, credited or not. UNIQUE: one source pays a member once per rule, whoever asks how often."""

    __tablename__ = "points_award"
    __table_args__ = (
        sa.UniqueConstraint("rule_code", "source_type", "source_id", "member_id"),
        sa.CheckConstraint("credited >= 0 and withheld >= 0", name="not_negative"),
        sa.CheckConstraint("(credited > 0) = (transaction_id is not null)", name="credited_has_transaction"),
        sa.CheckConstraint("units > 0 and units_credited between 0 and units", name="units"),
        sa.Index(None, "member_id", "filed_on", postgresql_include=["rule_code", "credited", "units_credited"]),
        sa.Index("ix_points_award_filed_on", "filed_on", postgresql_using="brin"),
        sa.Index(
            "uq_points_award_once", "member_id", "rule_code", "once_key", unique=True, postgresql_where=sa.text("once_key is not null")
        ),
    )

    member_id: UUID = Field(foreign_key="account.id")
    rule_code: str = Field(max_length=32)
    rule_version: int = Field(description="0 where no version of the rule held on that day")
    source_type: str = Field(max_length=32)
    source_id: UUID
    source_number: str | None = Field(default=None, max_length=20)
    filed_on: date = Field(description="the local day whose caps it counts against")
    area_path: str | None = Field(default=None, description="where it was earned; null in what an earlier release wrote")
    points_each: int | None = Field(default=None, description="what a category or an official set for a unit instead of the rule's figure")
    units: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    units_credited: int = Field(
        default=1, sa_column_kwargs={"server_default": "1"}, description="what counts against the rule's caps, where something is credited"
    )
    credited: int
    withheld: int
    withheld_reason: str | None = Field(default=None, max_length=32)
    withheld_cap: int | None = Field(default=None, description="the figure of the cap that withheld the rest")
    once_key: str | None = Field(default=None, max_length=64, description="what it may be credited for once only, by the rule")
    transaction_id: UUID | None = Field(default=None, foreign_key="points_transaction.id")


class PointsProposal(Table, table=True):
    """A change by hand, made by one person and decided by another: an adjustment, the claw-back of one earned line, or an award by a rule.

    An award names its rule and the day whose caps it counts against; it is about a report (for its reporter), about what somebody did in
    an organisation, or about a person alone.
    """

    __tablename__ = "points_proposal"
    __table_args__ = (
        sa.CheckConstraint("type in ('adjustment', 'clawback', 'award')", name="type"),
        sa.CheckConstraint("amount <> 0 and (type <> 'clawback' or amount < 0)", name="amount"),
        sa.CheckConstraint(
            "(type = 'award') = (rule_code is not null) and (type = 'award') = (occurred_on is not null)", name="award_has_rule"
        ),
        sa.CheckConstraint(
            "num_nulls(report_id, report_number) in (0, 2) and (type = 'award' or num_nonnulls(report_id, organisation_id) = 0)",
            name="award_is_about",
        ),
        sa.CheckConstraint("(type = 'clawback') = (entry_id is not null)", name="clawback_has_entry"),
        sa.CheckConstraint("checker_id is null or checker_id <> maker_id", name="two_persons"),
        sa.CheckConstraint("maker_id <> member_id and checker_id is distinct from member_id", name="not_for_oneself"),
        sa.CheckConstraint("(status = 'pending') = (checker_id is null)", name="decided_by"),
        sa.Index(
            "uq_points_proposal_entry", "entry_id", unique=True,
            postgresql_where=sa.text("entry_id is not null and status <> 'rejected'"),
        ),
        sa.Index(
            "uq_points_proposal_report", "rule_code", "report_id", unique=True,
            postgresql_where=sa.text("report_id is not null and status <> 'rejected'"),
        ),
        sa.Index(None, "member_id", "rule_code", postgresql_where=sa.text("type = 'award' and status = 'approved'")),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index(None, "maker_id", "created_at"),
        sa.Index(None, "member_id", "created_at"),
    )

    type: str = Field(max_length=16)
    member_id: UUID = Field(foreign_key="account.id")
    area_path: str
    amount: int
    entry_id: UUID | None = Field(default=None, foreign_key="points_transaction.id")
    rule_code: str | None = Field(default=None, max_length=32)
    occurred_on: date | None = None
    report_id: UUID | None = None
    report_number: str | None = Field(default=None, max_length=20)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    reason_id: UUID = Field(foreign_key="points_text.id", index=True)
    upload_id: UUID
    status: ProposalStatus = Field(default=ProposalStatus.PENDING, sa_type=text_enum(ProposalStatus, "status"))
    maker_id: UUID = Field(foreign_key="account.id")
    checker_id: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
    transaction_id: UUID | None = Field(default=None, foreign_key="points_transaction.id")


class PointsText(Table, table=True):
    """Sentences that people wrote about a member. They stand apart from the ledger, so that an erasure can empty them."""

    __tablename__ = "points_text"

    member_id: UUID = Field(index=True)
    text: str | None = Field(max_length=500)
