from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

KEY_LENGTH = 128


class IdempotencyKey(SQLModel, table=True):
    """One answered request. The body is sealed: answers hold codes and names, and this table outlives a request by a week."""

    __tablename__ = "idempotency_key"

    account_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=KEY_LENGTH)
    row_id: UUID = Field(description="binds the sealed body to this row")
    fingerprint: bytes
    status: int = Field(sa_type=sa.SmallInteger)
    media_type: str = Field(max_length=64)
    body: bytes
    created_at: datetime = Field(
        default=None, nullable=False, index=True, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")}
    )
