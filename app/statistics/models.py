"""What was counted of reports. All of it follows from the event log: `rebuilding` makes it anew and gets the same."""

from datetime import date
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from app.db.base import text_enum

CLOSED = sa.text("seconds is not null")
PATTERN = {"area_path": "text_pattern_ops"}


class Dimension(StrEnum):
    """By what reports are told apart. `area` is the next area below, empty for what lies in none."""

    TOTAL = "total"
    CATEGORY = "category"
    AREA = "area"
    UNIT = "unit"
    STATUS = "status"
    SEVERITY = "severity"


class ReportStale(SQLModel, table=True):
    """A mark that a trigger leaves: this report was written, and the summaries do not know of it yet."""

    __tablename__ = "report_stale"

    id: int | None = Field(
        default=None, sa_column=sa.Column(sa.BigInteger, sa.Identity(), primary_key=True)
    )
    report_id: UUID


class ReportFact(SQLModel, table=True):
    """What the summaries have counted of one report. Places are millionths of a degree; `x`, `y` is the finest cell of the map."""

    __tablename__ = "report_fact"
    __table_args__ = (
        sa.CheckConstraint("seconds is null or (seconds >= 0 and closed)", name="seconds"),
        sa.Index(None, "day"),
        sa.Index("ix_report_fact_area_path", "area_path", "day", postgresql_ops=PATTERN, postgresql_where=CLOSED),
        sa.Index("ix_report_fact_place", sa.text("point(lng::double precision, lat::double precision)"), postgresql_using="gist"),
    )

    report_id: UUID = Field(primary_key=True)
    day: date
    area_path: str
    category: str
    status: str
    severity: str
    unit: str | None
    filed: bool
    closed: bool
    closed_in_time: bool
    rework: bool
    extension: bool
    satisfied: bool
    rated: bool
    seconds: int | None = Field(sa_type=sa.BigInteger, description="from filing to the first closing, while it is closed")
    lng: int
    lat: int
    x: int
    y: int
    public: bool


class ReportSeries(SQLModel, table=True):
    """One kind of report in one area, which the summaries count. The id is a hash of the rest, so that whoever counts knows it at once."""

    __tablename__ = "report_series"
    __table_args__ = (sa.UniqueConstraint("area_path", "dimension", "key"),)

    id: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    area_path: str
    dimension: Dimension = Field(sa_type=text_enum(Dimension, "dimension"))
    key: str


class ReportSummary(SQLModel, table=True):
    """The reports of a series that were filed on one day or in one month. `hours` counts the closed ones by coarse bins."""

    __tablename__ = "report_summary"
    __table_args__ = (
        sa.CheckConstraint("received >= 0 and filed >= 0 and closed >= closed_in_time and rated >= satisfied", name="counts"),
    )

    series_id: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    month: bool = Field(primary_key=True)
    first: date = Field(primary_key=True)
    received: int
    filed: int
    closed: int
    closed_in_time: int
    rework: int
    extension: int
    satisfied: int
    rated: int
    hours: list[int] = Field(sa_type=ARRAY(sa.Integer))


class ReportHours(SQLModel, table=True):
    """Of a summary's closed reports those of one coarse bin, by its fine buckets."""

    __tablename__ = "report_hours"
    __table_args__ = (
        sa.CheckConstraint("closed >= 0", name="counts"),
    )

    series_id: int = Field(primary_key=True, sa_type=sa.BigInteger, sa_column_kwargs={"autoincrement": False})
    month: bool = Field(primary_key=True)
    first: date = Field(primary_key=True)
    bin: int = Field(primary_key=True, sa_type=sa.SmallInteger, sa_column_kwargs={"autoincrement": False})
    closed: int
    fine: list[int] = Field(sa_type=ARRAY(sa.Integer))


class ReportCell(SQLModel, table=True):
    """The reports of one area in one cell of the map: how many, and the sums of their places. A cell of level n is 2ⁿ/4096° wide."""

    __tablename__ = "report_cell"
    __table_args__ = (
        sa.CheckConstraint("reports >= public_reports and public_reports >= 0", name="counts"),
    )

    level: int = Field(primary_key=True, sa_type=sa.SmallInteger, sa_column_kwargs={"autoincrement": False})
    x: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    y: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    area_path: str = Field(primary_key=True)
    reports: int = Field(sa_type=sa.BigInteger)
    lng: int = Field(sa_type=sa.BigInteger)
    lat: int = Field(sa_type=sa.BigInteger)
    public_reports: int = Field(sa_type=sa.BigInteger)
    public_lng: int = Field(sa_type=sa.BigInteger)
    public_lat: int = Field(sa_type=sa.BigInteger)
