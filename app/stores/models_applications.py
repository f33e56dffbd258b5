"""The tables of applications to become a store, of the sentences written about them, and of invitations to work at one."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from app.areas.geo import Crs
from app.auth.roles import Role
from app.db.base import Table, text_enum
from app.stores.models import StoreCategory

DETAILS = ("name", "address", "phone_sealed", "uscc", "lng", "lat", "given_lng", "given_lat", "given_crs", "hours")
# Words, not parameters: PostgreSQL matches the index of an ON CONFLICT by them, also where a statement is prepared once for all values.
IS_OPEN = sa.text("status in ('submitted', 'returned')")


class Status(StrEnum):
    """Open are the first two."""

    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class StoreText(Table, table=True):
    """Sentences of administrators (why returned, why rejected), apart from what they are about, so that an erasure empties them."""

    __tablename__ = "store_text"

    author_id: UUID = Field(foreign_key="account.id", index=True)
    member_id: UUID | None = Field(default=None, foreign_key="account.id", index=True, description="whose application it is about")
    text: str | None = Field(max_length=500)


class StoreApplication(Table, table=True):
    """What a member tells of a shop that wants to become a partner; the details go when the member is erased.

    Its phone is sealed: most give their own, which nobody else need know before the shop is a partner.
    `uscc_confirmed`: somebody has said that a code whose check digit is wrong is really the company's. Who decided, when and why are those
    of the last decision: one that was returned and sent in again keeps them until the next.
    """

    __tablename__ = "store_application"
    __table_args__ = (
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("store_id"),
        sa.CheckConstraint(f"num_nulls({', '.join(DETAILS)}) in (0, 10)", name="details_whole"),
        sa.CheckConstraint("name is not null or status not in ('submitted', 'returned')", name="open_has_details"),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) in (0, 2) and (decided_at is not null or status in ('submitted', 'withdrawn'))",
            name="decided",
        ),
        sa.CheckConstraint("(status = 'approved') = (store_id is not null)", name="approved_has_store"),
        sa.Index(None, "applicant_id", "id"),
        sa.Index(None, "reason_id", postgresql_where=sa.text("reason_id is not null")),
        sa.Index(None, "area_path", postgresql_ops={"area_path": "text_pattern_ops"}),
        sa.Index("uq_store_application_open", "applicant_id", unique=True, postgresql_where=IS_OPEN),
    )

    number: str = Field(max_length=20)
    applicant_id: UUID = Field(foreign_key="account.id")
    area_id: UUID = Field(foreign_key="area.id")
    area_path: str
    category: StoreCategory = Field(sa_type=text_enum(StoreCategory, "category"))
    name: str | None = Field(default=None, max_length=120)
    address: str | None = Field(default=None, max_length=120)
    phone_sealed: bytes | None = None
    uscc: str | None = Field(default=None, max_length=18)
    uscc_confirmed: bool = False
    lng: float | None = None
    lat: float | None = None
    given_lng: float | None = None
    given_lat: float | None = None
    given_crs: Crs | None = Field(default=None, sa_type=text_enum(Crs, "given_crs"))
    hours: Any = Field(default=None, sa_type=JSONB(none_as_null=True), nullable=True)
    status: Status = Field(default=Status.SUBMITTED, sa_type=text_enum(Status, "status"))
    decided_by: UUID | None = Field(default=None, foreign_key="account.id")
    decided_at: datetime | None = None
    reason_id: UUID | None = Field(default=None, foreign_key="store_text.id")
    store_id: UUID | None = Field(default=None, foreign_key="store.id")
    version: int = 1


class StoreInvitation(Table, table=True):
    """What a code of purpose `store_staff` opens: a role at a store. Who may still use it, and who gave it out, the code itself says."""

    __tablename__ = "store_invitation"
    __table_args__ = (
        sa.UniqueConstraint("qrcode_id"),
        sa.CheckConstraint("role in ('store_owner', 'store_clerk')", name="staff"),
        sa.Index(None, "store_id", "id"),
    )

    store_id: UUID = Field(foreign_key="store.id")
    role: Role = Field(sa_type=text_enum(Role, "role"))
    qrcode_id: UUID = Field(foreign_key="qrcode.id")
