"""Transfer, escalation, second look."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)

# What is resolved again has not been verified again. The previous release, which knows no verifier, resolves under this rule too: without
# it, a verifier of the last time who resolves this time would meet the rule of two persons.
ANEW = """
create function report_verifier_anew() returns trigger language plpgsql as $$
begin
  new.verifier_id := null;
  return new;
end $$
"""
# Whoever looks a second time is a third person, whatever happens to the report later.
THIRD = "looked_by is null or (looked_by <> resolver_id and looked_by <> verifier_id)"


def extend_reports() -> None:
    op.add_column("report", sa.Column("verifier_id", sa.Uuid(), sa.ForeignKey("account.id", name=op.f("fk_report_verifier_id_account"))))
    op.add_column("report", sa.Column("escalated_to", sa.Uuid(), sa.ForeignKey("area.id", name=op.f("fk_report_escalated_to_area"))))
    op.add_column("report", sa.Column("escalated_to_top", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_check_constraint(op.f("ck_report_verified_by_another"), "report", "verifier_id <> resolver_id")
    op.create_check_constraint(op.f("ck_report_escalated"), "report", "escalated_to is not null or not escalated_to_top")
    op.create_index(
        "ix_report_escalated_to", "report", ["escalated_to", "id"], postgresql_where=sa.text("escalated_to is not null")
    )
    op.execute(ANEW)
    op.execute(
        "create trigger report_verifier_anew before update on report for each row"
        " when (new.resolved_at is distinct from old.resolved_at) execute function report_verifier_anew()"
    )


def create_second_looks() -> None:
    op.create_table(
        "report_second_look",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("report_id", sa.Uuid(), sa.ForeignKey("report.id"), nullable=False),
        sa.Column("event_id", sa.Uuid(), sa.ForeignKey("report_event.id"), nullable=False),
        sa.Column("drawn_at", INSTANT, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("resolver_id", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("verifier_id", sa.Uuid(), sa.ForeignKey("account.id"), nullable=False),
        sa.Column("looked_by", sa.Uuid(), sa.ForeignKey("account.id")),
        sa.Column("looked_at", INSTANT),
        sa.Column("note_id", sa.Uuid(), sa.ForeignKey("report_text.id")),
        sa.UniqueConstraint("event_id"),
        sa.CheckConstraint("status in ('pending', 'passed', 'failed', 'lapsed')", name="status"),
        sa.CheckConstraint(
            "num_nulls(looked_by, looked_at) = case when status in ('passed', 'failed') then 0 else 2 end", name="looked_whole"
        ),
        sa.CheckConstraint(THIRD, name="third_person"),
    )
    op.create_index("ix_report_second_look_report_id_id", "report_second_look", ["report_id", "id"])
    op.create_index(
        "uq_report_second_look_pending", "report_second_look", ["report_id"], unique=True, postgresql_where=sa.text("status = 'pending'")
    )


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    extend_reports()
    create_second_looks()


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("report_second_look")
    op.execute("drop trigger report_verifier_anew on report")
    op.execute("drop function report_verifier_anew()")
    op.drop_column("report", "escalated_to_top")
    op.drop_column("report", "escalated_to")
    op.drop_column("report", "verifier_id")
