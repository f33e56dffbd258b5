"""Rules and reference data of auth: what create-table cannot say."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Events are appended. Nobody changes one, and nobody removes one before the time that they are kept for is over (400 days).
KEEP_AUDIT = """
create function keep_audit_event() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.created_at < clock_timestamp() - interval '400 days' then
    return old;
  end if;
  raise exception 'audit events are append-only' using errcode = 'insufficient_privilege';
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(KEEP_AUDIT)
    op.execute(
        "create trigger keep_audit_event before update or delete on audit_event for each row execute function keep_audit_event()"
    )
    op.execute(
        "create trigger keep_audit_events before truncate on audit_event for each statement execute function keep_audit_event()"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger keep_audit_events on audit_event")
    op.execute("drop trigger keep_audit_event on audit_event")
    op.execute("drop function keep_audit_event()")
