"""Row security of accounts and of their grants.

What is told of somebody beside a thing, or decides about a thing, is told by functions that work as the service, each called in one place:
`auth.queries` and `auth.queries_grants`. They give ids, yes or no, and of an account what others may be shown of it, masked.
The release of 0058 does not call them: it passes these policies, and those that come after them, since its connections say of which
wall they know.
"""

from alembic import op

from migrations.policies import ME, WALL_3, at, guard, inside, own, serve, unguard, unserve

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

BEFORE = """
create function acting_before(wall integer) returns boolean language sql stable parallel safe as
$$ select coalesce(nullif(current_setting('xinxin.wall', true), '')::int, 1) < wall $$
"""
IN_FORCE = "g.revoked_at is null and g.valid_until > clock_timestamp()"
HELD = f"""
  from access_grant as g join account as a on a.id = g.account_id and a.status = 'active'
  join scope as s on s.scope_type = g.scope_type and s.scope_id = g.scope_id
 where g.scope_type = 'area' and {IN_FORCE}
"""
# Name and arguments → what it returns, and the statement.
SERVED = {
    "acting_administers()": (
        "boolean", "select exists (select from access_grant as g where g.account_id = acting_account() and g.role = 'platform_admin'"
        f" and g.scope_type = 'platform' and {IN_FORCE})",
    ),
    "accounts_named(ids uuid[])": (
        "table (id uuid, status text, phone_sealed bytea)",
        "select a.id, a.status, a.phone_sealed from account as a where a.id = any(ids)",
    ),
    "account_of_phone(indexes bytea[])": ("uuid", "select a.id from account as a where a.phone_index = any(indexes) limit 1"),
    "staff_covering(path text, asked text[])": (
        "setof uuid", f"select distinct g.account_id {HELD} and g.role = any(asked) and starts_with(path, s.area_path) order by 1",
    ),
    "holds_role(account uuid, path text, asked text)": (
        "boolean", f"select exists (select {HELD} and g.account_id = account and g.role = asked and starts_with(path, s.area_path))",
    ),
    "other_administrator(area uuid, but uuid)": (
        "boolean", f"select exists (select {HELD} and g.scope_id = area and g.role = 'area_admin' and g.id <> but)",
    ),
    "staff_at(kind text, thing uuid)": (
        "table (account_id uuid, role text)",
        "select g.account_id, g.role from access_grant as g where g.scope_type = kind and g.scope_id = thing and g.account_id is not null"
        f" and {IN_FORCE} order by g.id desc",
    ),
    "holds_office(account uuid, organisation uuid, asked text[])": (
        "boolean", "select exists (select from access_grant as g join account as a on a.id = g.account_id and a.status = 'active'"
        " where g.account_id = account and g.scope_type = 'organisation' and g.scope_id = organisation and g.role = any(asked)"
        f" and {IN_FORCE})",
    ),
    "granted_to(asked uuid)": ("uuid", "select g.account_id from access_grant as g where g.id = asked"),
    "grant_waits_for(asked uuid)": ("text", "select g.phone_masked from access_grant as g where g.id = asked"),
    "grant_scope(asked uuid)": (
        "table (scope_type text, scope_id uuid)", "select g.scope_type, g.scope_id from access_grant as g where g.id = asked",
    ),
}
# The platform's administrator names administrators and auditors, wherever they are.
BY_PLATFORM = "(role in ('platform_admin', 'area_admin', 'auditor') and (select acting_administers()))"
LIES_INSIDE = (
    "exists (select 1 from scope as place where place.scope_type = access_grant.scope_type and place.scope_id = access_grant.scope_id"
    f" and {inside('place.area_path')})"
)
ROWS = {
    "account": own("id"),
    "access_grant": f"{own('account_id')} or granted_by = {ME} or {at('scope_id')} or {LIES_INSIDE} or {BY_PLATFORM}",
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(BEFORE)
    for function, (returned, statement) in SERVED.items():
        op.execute(f"create function {function} returns {returned} language sql stable set role = 'xinxin_service' as $$ {statement} $$")
    guard({table: f"{WALL_3} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    for function in (*SERVED, "acting_before(wall integer)"):
        op.execute(f"drop function {function}")
