"""The clocks of a report, and the calendar."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
STAGES = "'review', 'dispatch', 'handle', 'verify', 'feedback', 'decide'"
STATUSES = (
    "'submitted', 'accepted', 'dispatched', 'in_progress', 'suspended', 'resolved', 'awaiting_feedback', 'disputed', 'reopened', "
    "'closed', 'rejected', 'merged', 'withdrawn'"
)
RUNNING = sa.text("ended_at is null")
EMPTY = sa.text("'[]'::jsonb")


def keep_sources() -> None:
    """Every day says where it comes from: those of 2025 and 2026 from the notices, later ones from the regulation alone."""
    op.add_column("calendar_day", sa.Column("source", sa.String(32), server_default="rule", nullable=False))
    op.create_check_constraint("source", "calendar_day", "source in ('notice', 'library', 'rule')")
    op.execute("update calendar_day set source = 'notice' where day < '2027-01-01'")


def create_clocks() -> None:
    op.create_table(
        "report_clock",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("report_id", sa.Uuid(), sa.ForeignKey("report.id"), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("limit", JSONB(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("pauses", JSONB(), nullable=False),
        sa.Column("extensions", JSONB(), nullable=False),
        sa.Column("warned", sa.Integer(), nullable=False),
        sa.Column("warn_at", INSTANT),
        sa.Column("in_time", sa.Boolean()),
        sa.CheckConstraint(f"stage in ({STAGES})", name="stage"),
        sa.CheckConstraint(f"state in ({STATUSES})", name="state"),
        sa.CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        sa.CheckConstraint("in_time is null or ended_at is not null", name="judged_at_end"),
        sa.CheckConstraint("warned in (0, 50, 80, 100)", name="warned"),
    )
    op.create_index("uq_report_clock_running", "report_clock", ["report_id"], unique=True, postgresql_where=RUNNING)
    op.create_index("ix_report_clock_report_id_id", "report_clock", ["report_id", "id"])
    op.create_index("ix_report_clock_running_due", "report_clock", ["due_at", "id"], postgresql_where=RUNNING)
    op.create_index(
        "ix_report_clock_warn_at", "report_clock", ["warn_at"], postgresql_where=sa.text("ended_at is null and warn_at is not null")
    )


# What runs gets a row: begun by the last event that led into its stage (work that is done again begins anew), due as it is. Its limit
# may have been moved before, so the due time itself is adopted. Nobody is warned of shares: the limit itself is told as before.
# Their ids are made here, ahead of those that come: PostgreSQL has UUIDv7 of its own from 18 on only.
UUID7 = """cast(lpad(to_hex(cast(extract(epoch from clock_timestamp()) * 1000 as bigint)), 12, '0')
         || '7' || left(md5(random()::text), 3) || '8' || left(md5(random()::text), 15) as uuid)"""
ADOPT = f"""
insert into report_clock (id, report_id, stage, state, started_at, "limit", due_at, pauses, extensions, warned)
select {UUID7}, r.id, r.due_stage, r.status, least(coalesce(began.at, r.created_at), r.due_at),
       jsonb_build_object(
         'clock', case when r.due_stage = 'feedback' then 'calendar' when r.due_stage in ('verify', 'decide') then 'working'
                       when r.severity = 'emergency' then 'calendar'
                       else coalesce(case when c.severity = r.severity then c.limits ->> 'clock' end, 'working') end,
         'minutes', 0, 'days', 0, 'severity', r.severity, 'category', r.category_code,
         'category_version', case when r.category_code is not null then 1 end, 'adopted', r.due_at),
       r.due_at,
       case when r.paused_at is null then '[]'::jsonb
            else jsonb_build_array(jsonb_build_object('from', r.paused_at, 'to', null, 'by', null, 'request_id', null)) end,
       '[]'::jsonb, 0
  from report r
  left join report_category c on c.code = r.category_code
  left join lateral (
    select max(e.created_at) as at from report_event e
     where e.report_id = r.id and e.from_status is distinct from e.to_status
       and case when r.due_stage = 'handle' then (e.from_status, e.to_status) in (
                  ('accepted', 'dispatched'), ('reopened', 'dispatched'), ('resolved', 'in_progress'), ('disputed', 'in_progress'))
                else e.to_status = r.status end
  ) began on true
 where r.ended_at is null and r.due_at is not null
   and not exists (select 1 from report_clock k where k.report_id = r.id and k.ended_at is null)
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    keep_sources()
    create_clocks()
    op.execute(ADOPT)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("report_clock")
    op.drop_column("calendar_day", "source")
