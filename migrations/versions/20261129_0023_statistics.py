"""Summaries of reports."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FLAGS = ("filed", "closed", "closed_in_time", "rework", "extension", "satisfied", "rated")
# A statement that writes reports leaves one mark for each of them. Marks are only added and taken away, never changed: who counts needs
# no lock on a report, and who changes a report waits for nobody who counts.
MARK = """
create function report_mark_stale() returns trigger language plpgsql as $$
begin
  insert into report_stale (report_id) select id from changed;
  return null;
end $$
"""


def create_facts() -> None:
    op.create_table(
        "report_stale",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("report_id", sa.Uuid(), nullable=False),
    )
    op.create_table(
        "report_fact",
        sa.Column("report_id", sa.Uuid(), primary_key=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        *[sa.Column(name, sa.String(), nullable=False) for name in ("category", "status", "severity")],
        sa.Column("unit", sa.String()),
        *[sa.Column(name, sa.Boolean(), nullable=False) for name in FLAGS],
        sa.Column("seconds", sa.BigInteger()),
        *[sa.Column(name, sa.Integer(), nullable=False) for name in ("lng", "lat", "x", "y")],
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.CheckConstraint("seconds is null or (seconds >= 0 and closed)", name="seconds"),
    )
    op.create_index("ix_report_fact_day", "report_fact", ["day"])
    op.create_index(
        "ix_report_fact_area_path", "report_fact", ["area_path", "day"], postgresql_ops={"area_path": "text_pattern_ops"},
        postgresql_where=sa.text("seconds is not null"),
    )
    op.create_index(
        "ix_report_fact_place", "report_fact", [sa.text("point(lng::double precision, lat::double precision)")], postgresql_using="gist"
    )


def _key() -> list[sa.Column]:
    return [
        sa.Column("series_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("month", sa.Boolean(), primary_key=True),
        sa.Column("first", sa.Date(), primary_key=True),
    ]


def create_summaries() -> None:
    op.create_table(
        "report_series",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(32), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.UniqueConstraint("area_path", "dimension", "key"),
        sa.CheckConstraint("dimension in ('total', 'category', 'area', 'unit', 'status', 'severity')", name="dimension"),
    )
    op.create_table(
        "report_summary", *_key(),
        *[sa.Column(name, sa.Integer(), nullable=False) for name in ("received", *FLAGS)],
        sa.Column("hours", sa.ARRAY(sa.Integer()), nullable=False),
        sa.CheckConstraint("received >= 0 and filed >= 0 and closed >= closed_in_time and rated >= satisfied", name="counts"),
    )
    op.create_table(
        "report_hours", *_key(),
        sa.Column("bin", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("closed", sa.Integer(), nullable=False),
        sa.Column("fine", sa.ARRAY(sa.Integer()), nullable=False),
        sa.CheckConstraint("closed >= 0", name="counts"),
    )
    op.create_table(
        "report_cell",
        sa.Column("level", sa.SmallInteger(), primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.Integer(), primary_key=True, autoincrement=False) for name in ("x", "y")],
        sa.Column("area_path", sa.String(), primary_key=True),
        *[sa.Column(name, sa.BigInteger(), nullable=False) for name in (
            "reports", "lng", "lat", "public_reports", "public_lng", "public_lat",
        )],
        sa.CheckConstraint("reports >= public_reports and public_reports >= 0", name="counts"),
    )
    for table, count in (("report_summary", "received"), ("report_hours", "closed"), ("report_cell", "reports")):
        op.create_index(f"ix_{table}_empty", table, [count], postgresql_where=sa.text(f"{count} = 0"))


def mark_changes() -> None:
    op.execute(MARK)
    for verb in ("insert", "update"):
        op.execute(
            f"create trigger report_stale_{verb} after {verb} on report referencing new table as changed"
            " for each statement execute function report_mark_stale()"
        )
    op.execute("insert into report_stale (report_id) select id from report order by id")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    create_facts()
    create_summaries()
    mark_changes()


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for verb in ("insert", "update"):
        op.execute(f"drop trigger report_stale_{verb} on report")
    op.execute("drop function report_mark_stale()")
    for table in ("report_cell", "report_hours", "report_summary", "report_series", "report_fact", "report_stale"):
        op.drop_table(table)
