"""The table of counted events."""

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table

KEY_LENGTH = 128


class ThrottleHit(Table, table=True):
    """One counted event (a failed guess, a limited use) under a key that names what is limited, never a person in the clear."""

    __tablename__ = "throttle_hit"
    __table_args__ = (sa.Index(None, "key", "created_at"), sa.Index(None, "created_at"))

    key: str = Field(max_length=KEY_LENGTH)
