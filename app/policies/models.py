"""The table of policy texts."""

from datetime import date
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field

from app.db.base import Table, text_enum


class PolicyCode(StrEnum):
    PRIVACY = "privacy"
    TERMS = "terms"
    CHILDREN = "children"


class PolicyText(Table, table=True):
    """One version of a document, append-only: what somebody could read on any day can be shown for good.

    It takes effect on a local day; of two for one day the later one counts. What people agree to one by one stands in `consent_text`.
    """

    __tablename__ = "policy_text"
    __table_args__ = (sa.UniqueConstraint("code", "version"), sa.Index(None, "code", "effective_on", "id"))

    code: PolicyCode = Field(sa_type=text_enum(PolicyCode, "code"))
    version: str = Field(max_length=32)
    title: str = Field(max_length=120)
    text: str = Field(max_length=20_000)
    effective_on: date
