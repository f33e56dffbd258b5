"""Tables of the contracts with stores: on what terms, to whom and how soon a settled month is paid."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import Table


class StoreContract(Table, table=True):
    """A contract, in force on local days from `starts_on` to `ended_on`, or `ends_on` while nobody ended it earlier.

    Append-only but for its early end, which is written once, and for the sealed account, which a change of keys makes anew. Two of one
    store never overlap: a trigger looks, under the store's lock. The account stands whole in the settlement file for administrators and
    nowhere else; what people wrote stands in `store_text`.
    """

    __tablename__ = "store_contract"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "number"),
        sa.CheckConstraint("ends_on >= starts_on", name="span"),
        sa.CheckConstraint("num_nulls(ended_on, ended_by, ended_at, end_reason_id) in (0, 4)", name="ended_whole"),
        sa.CheckConstraint("ended_on <= ends_on", name="ended_early"),
        sa.CheckConstraint("pay_within_days between 1 and 90", name="pay_within_days"),
        sa.CheckConstraint("bank_account_last4 ~ '^[0-9]{4}$'", name="last4"),
        sa.Index(None, "store_id", "starts_on"),
        sa.Index(None, "note_id", postgresql_where=sa.text("note_id is not null")),
        sa.Index(None, "end_reason_id", postgresql_where=sa.text("end_reason_id is not null")),
        sa.Index(None, "ends_on", postgresql_where=sa.text("ended_on is null")),
    )

    store_id: UUID = Field(foreign_key="store.id")
    tenant_id: UUID = Field(foreign_key="area.id")
    number: str = Field(max_length=40)
    signed_on: date
    starts_on: date
    ends_on: date
    payee_name: str = Field(max_length=120)
    bank_name: str = Field(max_length=120)
    bank_account_sealed: bytes
    bank_account_last4: str = Field(max_length=4)
    pay_within_days: int = Field(sa_type=sa.SmallInteger, description="working days after the confirmation of a month")
    note_id: UUID | None = Field(default=None, foreign_key="store_text.id")
    made_by: UUID = Field(foreign_key="account.id")
    ended_on: date | None = Field(default=None, description="the last day in force, where it ended early")
    ended_by: UUID | None = Field(default=None, foreign_key="account.id")
    ended_at: datetime | None = None
    end_reason_id: UUID | None = Field(default=None, foreign_key="store_text.id")
    version: int = 1


class StoreContractReminder(SQLModel, table=True):
    """Those concerned have been told that this contract ends soon."""

    __tablename__ = "store_contract_reminder"

    contract_id: UUID = Field(primary_key=True, foreign_key="store_contract.id")
    told_at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})
