"""双报到: check-ins, appointments."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
OPEN = sa.text("status in ('pending', 'confirmed')")
ROLES = "'mobile_grid_member', 'special_grid_worker', 'policy_speaker', 'opinion_courier', 'committee_unit'"

# Appointments of one check-in are made under the lock of its row, so that two at once see each other. The error is of class 23, like
# those of a constraint.
ONCE = """
create function checkin_appointment_once() returns trigger language plpgsql as $$
begin
  perform 1 from community_checkin where id = new.checkin_id for update;
  if exists (
    select 1 from checkin_appointment a
     where a.checkin_id = new.checkin_id and a.role = new.role and a.id <> new.id and a.stopped_at is null
       and a.valid_from <= new.valid_until and a.valid_until >= new.valid_from
  ) then
    raise exception 'the same role twice at once' using errcode = 'exclusion_violation', constraint = 'checkin_appointment_once';
  end if;
  return new;
end $$
"""
# What stands on a printed certificate is for good.
KEEP = """
create function checkin_appointment_keep() returns trigger language plpgsql as $$
begin
  if (new.number, new.checkin_id, new.role, new.valid_from, new.valid_until)
     is distinct from (old.number, old.checkin_id, old.role, old.valid_from, old.valid_until) then
    raise exception 'an appointment is not rewritten' using errcode = 'check_violation', constraint = 'checkin_appointment_keep';
  end if;
  return new;
end $$
"""


def create_checkins() -> None:
    op.create_table(
        "community_checkin",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("member_id", sa.Uuid(), sa.ForeignKey("member.id")),
        sa.Column("enterprise_id", sa.Uuid(), sa.ForeignKey("enterprise.id")),
        sa.Column("reported_by", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("area_id", sa.Uuid(), sa.ForeignKey("area.id"), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("wished_role", sa.String(32)),
        sa.Column("note_sealed", sa.LargeBinary()),
        sa.Column("reason_sealed", sa.LargeBinary()),
        sa.Column("decided_by", sa.Uuid(), sa.ForeignKey("account.id")),
        sa.Column("decided_at", INSTANT),
        sa.Column("closed_by", sa.Uuid(), sa.ForeignKey("account.id")),
        sa.Column("closed_at", INSTANT),
        sa.Column("award_year", sa.Integer()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("kind in ('member', 'enterprise')", name="kind"),
        sa.CheckConstraint("status in ('pending', 'confirmed', 'rejected', 'withdrawn', 'ended')", name="status"),
        sa.CheckConstraint(f"wished_role in ({ROLES})", name="wished_role"),
        sa.CheckConstraint(
            "(member_id is not null) = (kind = 'member') and (enterprise_id is not null) = (kind = 'enterprise')", name="one_subject"
        ),
        sa.CheckConstraint(
            "num_nulls(decided_by, decided_at) = case when status in ('confirmed', 'rejected', 'ended') then 0 else 2 end",
            name="decided_whole",
        ),
        sa.CheckConstraint("(closed_at is null) = (status in ('pending', 'confirmed'))", name="closed_whole"),
        sa.CheckConstraint(
            "award_year is null or (kind = 'member' and status in ('confirmed', 'ended'))", name="award_of_confirmed_rider"
        ),
    )
    table = "community_checkin"
    op.create_index("uq_community_checkin_member", table, ["member_id", "area_id"], unique=True, postgresql_where=OPEN)
    op.create_index("uq_community_checkin_enterprise", table, ["enterprise_id", "area_id"], unique=True, postgresql_where=OPEN)
    op.create_index("uq_community_checkin_award", table, ["member_id", "area_id", "award_year"], unique=True)
    op.create_index("ix_community_checkin_enterprise_id_id", table, ["enterprise_id", "id"])
    op.create_index("ix_community_checkin_area_path", table, ["area_path"], postgresql_ops={"area_path": "text_pattern_ops"})


def create_appointments() -> None:
    op.create_table(
        "checkin_appointment",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("checkin_id", sa.Uuid(), sa.ForeignKey("community_checkin.id"), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("appointed_by", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("qrcode_id", sa.Uuid(), sa.ForeignKey("qrcode.id"), nullable=False),
        sa.Column("stopped_at", INSTANT),
        sa.Column("stopped_as", sa.String(32)),
        sa.Column("stopped_by", sa.Uuid(), sa.ForeignKey("account.id")),
        sa.Column("reason_sealed", sa.LargeBinary()),
        sa.Column("reminded_at", INSTANT),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("number"),
        sa.CheckConstraint(f"role in ({ROLES})", name="role"),
        sa.CheckConstraint("stopped_as in ('revoked', 'ended')", name="stopped_as"),
        sa.CheckConstraint("valid_until >= valid_from and valid_until < valid_from + interval '3 years'", name="term"),
        sa.CheckConstraint("num_nulls(stopped_at, stopped_as, stopped_by) in (0, 3)", name="stopped_whole"),
    )
    table = "checkin_appointment"
    op.create_index("ix_checkin_appointment_checkin_id_id", table, ["checkin_id", "id"])
    op.create_index(
        "ix_checkin_appointment_valid_until", table, ["valid_until"],
        postgresql_where=sa.text("stopped_at is null and reminded_at is null"),
    )
    op.execute(ONCE)
    op.execute(
        "create trigger checkin_appointment_once before insert on checkin_appointment"
        " for each row execute function checkin_appointment_once()"
    )
    op.execute(KEEP)
    op.execute(
        "create trigger checkin_appointment_keep before update on checkin_appointment"
        " for each row execute function checkin_appointment_keep()"
    )


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    create_checkins()
    create_appointments()


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("checkin_appointment")
    op.drop_table("community_checkin")
    op.execute("drop function checkin_appointment_once()")
    op.execute("drop function checkin_appointment_keep()")
