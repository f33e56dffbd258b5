"""Tables of orders, verifications and settlements.

Verifications, undos and settlement lines are append-only (a trigger refuses the rest).
"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table, text_enum


class Status(StrEnum):
    ISSUED = "issued"
    VERIFIED = "verified"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class SettlementStatus(StrEnum):
    """`open` is a month that nobody has closed yet: it has no row."""

    OPEN = "open"
    CLOSED = "closed"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    PAID = "paid"


class Redemption(Table, table=True):
    """One order. `points` and `settlement_cents` are those of the whole order, fixed when it was placed.

    The code is sealed; its keyed index is UNIQUE and finds it. `verification_id` is the one verification that counts now: it has no
    foreign key, because both rows point at each other and `verification.redemption_id` has one.
    """

    __tablename__ = "redemption"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("code_index"),
        sa.UniqueConstraint("verification_id"),
        sa.CheckConstraint("quantity between 1 and 10 and points > 0 and settlement_cents >= 0", name="amounts"),
        sa.CheckConstraint("uses >= 0", name="uses"),
        sa.CheckConstraint("(status = 'verified') = (verification_id is not null)", name="verified_has_verification"),
        sa.CheckConstraint("(status in ('cancelled', 'expired')) = (ended_at is not null)", name="ended"),
        sa.CheckConstraint("(code_sealed is null) = (code_index is null) and (status <> 'issued' or code_index is not null)", name="code"),
        sa.Index(None, "member_id", "id"),
        sa.Index(None, "member_id", "reward_id", "created_at"),
        sa.Index(None, "reward_id"),
        sa.Index(None, "expires_at", postgresql_where=sa.text("status = 'issued'")),
    )

    number: str = Field(max_length=20)
    member_id: UUID = Field(foreign_key="account.id")
    reward_id: UUID = Field(foreign_key="reward.id")
    reward_name: str = Field(max_length=120)
    quantity: int
    points: int
    settlement_cents: int
    status: Status = Field(default=Status.ISSUED, sa_type=text_enum(Status, "status"))
    code_sealed: bytes | None = None
    code_index: bytes | None = None
    expires_at: datetime = Field(description="the first instant at which the code does not work any more")
    confirmed_at: datetime | None = Field(default=None, description="the rider's own yes to a typed code")
    verification_id: UUID | None = None
    uses: int = Field(
        default=0, sa_column_kwargs={"server_default": sa.text("0")}, description="how often it was verified: a ticket is for one use"
    )
    ended_at: datetime | None = None
    stock_day: date | None = Field(default=None, description="the local day whose stock it was taken from; null: no day's")
    version: int = 1


class Verification(Table, table=True):
    """A code was used at a store.

    `idempotency_key` and `request_id` let a clerk whose answer was lost find out what became of the call; both stand as fingerprints.
    """

    __tablename__ = "verification"
    __table_args__ = (
        sa.Index(None, "redemption_id", "id"),
        sa.Index(None, "store_id", "verified_at", "id"),
        sa.Index(None, "store_id", "idempotency_key", postgresql_where=sa.text("idempotency_key is not null")),
        sa.Index(None, "store_id", "request_id", postgresql_where=sa.text("request_id is not null")),
        sa.Index(None, "clerk_id"),
    )

    redemption_id: UUID = Field(foreign_key="redemption.id")
    store_id: UUID = Field(foreign_key="store.id")
    reward_id: UUID = Field(foreign_key="reward.id")
    clerk_id: UUID = Field(foreign_key="account.id")
    verified_at: datetime
    typed: bool = Field(description="the code was typed, no QR was scanned")
    idempotency_key: str | None = Field(default=None, max_length=128)
    request_id: str | None = Field(default=None, max_length=128)


class VerificationUndo(SQLModel, table=True):
    """A verification was taken back. The primary key lets that happen once."""

    __tablename__ = "verification_undo"
    __table_args__ = (sa.Index(None, "undone_at"),)

    verification_id: UUID = Field(primary_key=True, foreign_key="verification.id")
    clerk_id: UUID = Field(foreign_key="account.id", index=True)
    reason_id: UUID = Field(foreign_key="redemption_text.id", index=True)
    undone_at: datetime


class VerificationGuess(Table, table=True):
    """A wrong code or a forged token at a store. Ten of them in ten minutes stop that store, thirty by one clerk that clerk everywhere."""

    __tablename__ = "verification_guess"
    __table_args__ = (sa.Index(None, "store_id", "created_at"), sa.Index(None, "actor_id", "created_at"))

    store_id: UUID = Field(foreign_key="store.id")
    actor_id: UUID | None = Field(foreign_key="account.id")


class RewardMemberUsage(SQLModel, table=True):
    """Where two orders of one member for one limited reward meet: whoever holds the row counts what the member has."""

    __tablename__ = "reward_member_usage"

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    member_id: UUID = Field(primary_key=True, foreign_key="account.id")


class RewardStoreUsage(SQLModel, table=True):
    """The same for verifications of one reward at one store."""

    __tablename__ = "reward_store_usage"

    reward_id: UUID = Field(primary_key=True, foreign_key="reward.id")
    store_id: UUID = Field(primary_key=True, foreign_key="store.id")


class CorrectionStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


class Settlement(Table, table=True):
    """One store's month, from its closing on.

    What the closing fixed never changes (a trigger refuses it): whom the store was then, on what terms it is paid, what the lines and the
    corrections came to, the head of the store's days, and the digest over all of it. Months of releases before 0040 have none of that.
    """

    __tablename__ = "settlement"
    __table_args__ = (
        sa.UniqueConstraint("store_id", "month"),
        sa.CheckConstraint("month = date_trunc('month', month)", name="first_of_month"),
        sa.CheckConstraint("status <> 'open'", name="open_has_no_row"),
        sa.CheckConstraint("(status in ('confirmed', 'paid')) = (confirmed_at is not null)", name="confirmed"),
        sa.CheckConstraint("(status = 'paid') = (paid_at is not null) and (paid_at is null) = (payment_reference is null)", name="paid"),
        sa.CheckConstraint("num_nulls(store_name, lines, total_cents, digest) in (0, 4) and digest ~ '^[0-9a-f]{64}$'", name="frozen"),
        sa.CheckConstraint("lines >= 0 and total_cents >= 0", name="figures"),
        sa.CheckConstraint(
            "num_nulls(contract_id, contract_number, payee_name, account_last4, pay_within_days) in (0, 5)", name="terms"
        ),
        sa.CheckConstraint("(head is null) = (head_day is null) and head ~ '^[0-9a-f]{64}$'", name="head"),
        sa.CheckConstraint("pay_by is null or confirmed_at is not null", name="pay_by"),
        sa.Index(None, "confirm_by", postgresql_where=sa.text("status = 'closed'")),
    )

    store_id: UUID = Field(foreign_key="store.id")
    store_name: str | None = Field(default=None, max_length=120)
    month: date
    status: SettlementStatus = Field(default=SettlementStatus.CLOSED, sa_type=text_enum(SettlementStatus, "status"))
    closed_at: datetime
    confirm_by: date = Field(description="the last local day on which the owner can object; silence confirms")
    confirmed_at: datetime | None = None
    confirmed_by_silence: bool = False
    paid_at: datetime | None = None
    payment_reference: str | None = Field(default=None, max_length=120)
    lines: int | None = None
    total_cents: int | None = Field(default=None, sa_type=sa.BigInteger, description="lines and corrections together")
    contract_id: UUID | None = Field(default=None, foreign_key="store_contract.id")
    contract_number: str | None = Field(default=None, max_length=40)
    payee_name: str | None = Field(default=None, max_length=120)
    account_last4: str | None = Field(default=None, max_length=4)
    pay_within_days: int | None = Field(default=None, sa_type=sa.SmallInteger)
    pay_by: date | None = Field(default=None, description="the local day by which a confirmed month is to be paid")
    head_day: date | None = Field(default=None, description="the last day of the month whose head was known at the closing")
    head: str | None = Field(default=None, max_length=64)
    digest: str | None = Field(default=None, max_length=64)
    version: int = 1


class SettlementCorrection(Table, table=True):
    """An amount on top of a month's lines, proposed by one administrator and decided by another: what is closed is never changed.

    `month` is the first month that may take it. `settlement_id` says which did: the first to close that had room for it.
    """

    __tablename__ = "settlement_correction"
    __table_args__ = (
        sa.CheckConstraint("month = date_trunc('month', month)", name="first_of_month"),
        sa.CheckConstraint("of_month = date_trunc('month', of_month) and of_month < month", name="of_an_earlier_month"),
        sa.CheckConstraint("cents <> 0", name="moves_something"),
        sa.CheckConstraint("decided_by <> proposed_by", name="two_persons"),
        sa.CheckConstraint("(status = 'pending') = (decided_by is null) and (decided_by is null) = (decided_at is null)", name="decided"),
        sa.CheckConstraint("settlement_id is null or status = 'approved'", name="settled_is_approved"),
        sa.Index(None, "store_id", "month", postgresql_where=sa.text("settlement_id is null")),
        sa.Index(None, "settlement_id", postgresql_where=sa.text("settlement_id is not null")),
        sa.Index(None, "verification_id", postgresql_where=sa.text("verification_id is not null")),
    )

    store_id: UUID = Field(foreign_key="store.id")
    month: date
    cents: int
    verification_id: UUID | None = Field(default=None, foreign_key="verification.id")
    of_month: date | None = Field(default=None, description="the closed month that it puts right")
    reason_id: UUID = Field(foreign_key="redemption_text.id", index=True)
    proposed_by: UUID = Field(foreign_key="account.id", index=True)
    status: CorrectionStatus = Field(default=CorrectionStatus.PENDING, sa_type=text_enum(CorrectionStatus, "status"))
    decided_by: UUID | None = Field(default=None, foreign_key="account.id", index=True)
    decided_at: datetime | None = None
    settlement_id: UUID | None = Field(default=None, foreign_key="settlement.id")
    version: int = 1


class SettlementLine(SQLModel, table=True):
    """A verification that is paid in this settlement. The primary key puts each in one settlement only."""

    __tablename__ = "settlement_line"

    verification_id: UUID = Field(primary_key=True, foreign_key="verification.id")
    settlement_id: UUID = Field(foreign_key="settlement.id", index=True)
    cents: int


class SettlementDispute(Table, table=True):
    """An owner's objection and the administrator's answer. `verification_ids` are the lines in question; none: something is missing."""

    __tablename__ = "settlement_dispute"
    __table_args__ = (
        sa.CheckConstraint("(answered_at is null) = (answer_id is null)", name="answered"),
        sa.Index(None, "answer_id", postgresql_where=sa.text("answer_id is not null")),
        sa.Index("uq_settlement_dispute_open", "settlement_id", unique=True, postgresql_where=sa.text("answered_at is null")),
    )

    settlement_id: UUID = Field(foreign_key="settlement.id", index=True)
    verification_ids: list[UUID] = Field(default_factory=list, sa_type=sa.ARRAY(sa.Uuid))
    reason_id: UUID = Field(foreign_key="redemption_text.id", index=True)
    answer_id: UUID | None = Field(default=None, foreign_key="redemption_text.id")
    answered_at: datetime | None = None


class RedemptionText(Table, table=True):
    """Sentences of clerks, owners, administrators (why undone, why disputed), apart from the history, so that an erasure empties them."""

    __tablename__ = "redemption_text"

    author_id: UUID = Field(foreign_key="account.id", index=True)
    member_id: UUID | None = Field(default=None, foreign_key="account.id", index=True, description="whose order it is about")
    text: str | None = Field(max_length=500)
