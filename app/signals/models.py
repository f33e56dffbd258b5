"""The table of signals, made anew whenever their report changes, so that no row outlives what it was made from; and WeChat's risk ranks."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from app.db.base import json_field, text_enum


class SignalKind(StrEnum):
    """In the order in which reviewers read them."""

    SAME_PHOTO = "same_photo"
    NEAR_PHOTO = "near_photo"
    OLD_PHOTO = "old_photo"
    FAR_FROM_PHOTO = "far_from_photo"
    IMPOSSIBLE_SPEED = "impossible_speed"
    MANY_OF_ONE_SPOT = "many_of_one_spot"
    SAME_POINT_MANY_PEOPLE = "same_point_many_people"
    WECHAT_RISK = "wechat_risk"


class ReportSignal(SQLModel, table=True):
    """Something about a report that a reviewer should look at. `facts` are numbers of reports, metres, minutes, counts."""

    __tablename__ = "report_signal"

    report_id: UUID = Field(primary_key=True, foreign_key="report.id")
    kind: SignalKind = Field(primary_key=True, sa_type=text_enum(SignalKind, "kind"))
    facts: dict[str, Any] = json_field()
    at: datetime = Field(default=None, nullable=False, sa_column_kwargs={"server_default": sa.text("clock_timestamp()")})


class RiskRank(SQLModel, table=True):
    """What WeChat said last of the risk of an account, 0 to 4, for a few weeks, of those who agree to the asking. It decides nothing."""

    __tablename__ = "risk_rank"
    __table_args__ = (
        sa.CheckConstraint("rank between 0 and 4", name="rank"),
        sa.CheckConstraint("keep_until > asked_at", name="kept"),
    )

    member_id: UUID = Field(primary_key=True, foreign_key="account.id")
    rank: int = Field(sa_type=sa.SmallInteger)
    asked_at: datetime
    keep_until: datetime = Field(index=True)
