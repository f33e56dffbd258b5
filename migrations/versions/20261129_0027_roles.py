"""The roles that the processes act as: `xinxin_app`, which adds to history and cannot change it, and `xinxin_keeper`, which also ends it.

Both are of the whole server, so a downgrade takes their rights in this database and leaves them: other databases may use them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

ROLES = ("xinxin_app", "xinxin_keeper")
BOTH = ", ".join(ROLES)
ROWS = "select, insert, update, delete"
# What triggers refuse already; a role without the privilege cannot do it where no trigger stands in the way either.
APPEND_ONLY = (
    "audit_event", "consent", "erasure", "points_award", "points_entry", "points_transaction", "registration_event",
    "report_category_version", "report_event", "reward_stock_entry", "settlement_line", "verification", "verification_undo",
)
# Databases of one server that are migrated at once make the same role: the second waits for the first, and finds it there.
CREATE = """
do $$
begin
  if to_regrole('{role}') is null then
    create role {role} nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then null;
end $$
"""
# Who migrates may become the role and inherits nothing of it. A superuser may anyway.
LEND = """
do $$
begin
  if to_regrole('{role}') is not null and not pg_has_role(current_user, to_regrole('{role}')::oid, 'SET') then
    grant {role} to current_user with inherit false, set true;
  end if;
exception
  when insufficient_privilege then null;
end $$
"""
USABLE = "select count(*) from pg_roles where rolname in ('xinxin_app', 'xinxin_keeper') and pg_has_role(current_user, oid, 'SET')"
ASK = """数据库账号 {user} 无权创建角色,请管理员执行以下语句后重试 / {user} may not create roles: let an administrator run this, try again:
  create role xinxin_app nologin role {user};
  create role xinxin_keeper nologin role {user};"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _make_roles()
    op.execute(f"grant usage on schema public, jobs to {BOTH}")
    op.execute(f"grant {ROWS} on all tables in schema public, jobs to {BOTH}")
    op.execute(f"grant usage, select on all sequences in schema public, jobs to {BOTH}")
    op.execute(f"grant execute on all functions in schema public, jobs to {BOTH}")
    _set_defaults("grant", "to")
    op.execute(f"revoke insert, update, delete on alembic_version from {BOTH}")
    for table in APPEND_ONLY:
        op.execute(f"revoke update, delete on {table} from {BOTH}")
    # A text that somebody agreed to stays; only whether it is in force, and whether a yes to it is still enough, may change.
    op.execute(f"revoke update, delete on consent_text from {BOTH}")
    op.execute(f"grant update (in_force, sufficient) on consent_text to {BOTH}")
    # The trigger lets go what is older than 400 days.
    op.execute("grant delete on audit_event to xinxin_keeper")


def _make_roles() -> None:
    """Raises SystemExit with what an administrator has to run where roles are not ours to make, as in a managed database."""
    bind = op.get_bind()
    bind.execute(sa.text("select set_config('lock_timeout', '60s', true)"))  # as long as the migration of another database may take
    for role in ROLES:
        op.execute(CREATE.format(role=role))
        op.execute(LEND.format(role=role))
    if bind.execute(sa.text(USABLE)).scalar_one() != len(ROLES):
        raise SystemExit(ASK.format(user=bind.execute(sa.text("select quote_ident(current_user)")).scalar_one()))
    bind.execute(sa.text("select set_config('lock_timeout', '5s', true)"))


def _set_defaults(verb: str, preposition: str) -> None:
    """What later migrations create belongs to whoever migrates, and is used by the roles."""
    for schema in ("public", "jobs"):
        for rights in (f"{ROWS} on tables", "usage, select on sequences", "execute on functions"):
            op.execute(f"alter default privileges in schema {schema} {verb} {rights} {preposition} {BOTH}")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _set_defaults("revoke", "from")
    for kind in ("tables", "sequences", "functions"):
        op.execute(f"revoke all on all {kind} in schema public, jobs from {BOTH}")
    op.execute(f"revoke usage on schema public, jobs from {BOTH}")
