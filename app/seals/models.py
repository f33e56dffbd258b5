"""Tables of the chain. Links and blocks are append-only (a trigger refuses UPDATE and DELETE); what waits to be sealed is a queue."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

DIGEST_BYTES = 32

# What triggers noted in the transaction that inserted the row. Without a key: it is written by everybody and read by the sealer only.
PENDING = sa.Table(
    "seal_pending", SQLModel.metadata,
    sa.Column("kind", sa.SmallInteger(), nullable=False),
    sa.Column("row_id", sa.Uuid(), nullable=False),
    sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
)


class SealBlock(SQLModel, table=True):
    """Rows that were sealed together. `hash` covers the block before, so that none can be changed, taken out or put in unseen."""

    __tablename__ = "seal_block"
    __table_args__ = (
        sa.CheckConstraint("number > 0 and rows > 0 and format > 0", name="positive"),
        sa.CheckConstraint(
            f"octet_length(previous) = {DIGEST_BYTES} and octet_length(hash) = {DIGEST_BYTES} and octet_length(signature) = {DIGEST_BYTES}",
            name="digests",
        ),
        sa.CheckConstraint("kid <> ''", name="kid"),
    )

    number: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    sealed_at: datetime
    rows: int
    format: int = Field(sa_type=sa.SmallInteger)
    previous: bytes
    hash: bytes
    signature: bytes = Field(description="HMAC-SHA-256 of the hash under the audit seal's key")
    kid: str = Field(max_length=16)


class SealLink(SQLModel, table=True):
    """One sealed row: in which block, at which place, with which digest."""

    __tablename__ = "seal_link"
    __table_args__ = (
        sa.CheckConstraint(f"position >= 0 and octet_length(digest) = {DIGEST_BYTES}", name="sane"),
        sa.Index(None, "block"),
    )

    block: int = Field(sa_type=sa.BigInteger)
    position: int
    kind: int = Field(primary_key=True, sa_type=sa.SmallInteger, sa_column_kwargs={"autoincrement": False})
    row_id: UUID = Field(primary_key=True)
    digest: bytes


class SealBacklog(SQLModel, table=True):
    """A table with rows from before its trigger. `after` is the last id up to which they are sealed; the row goes with the last of them."""

    __tablename__ = "seal_backlog"

    kind: int = Field(primary_key=True, sa_type=sa.SmallInteger, sa_column_kwargs={"autoincrement": False})
    after: UUID | None = None
