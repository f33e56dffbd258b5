"""The service's role: the rights of `xinxin_app`, and policies that let everything through, which cost a plan nothing.

Under the other policies no operator finds its way by an index that is not leakproof (`<@` of places and arrays, a function of a column):
the service, which passes them all, is planned without them. The release before never takes the role on.
"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import serve, unserve

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

# As in 0027: databases of one server that are migrated at once make the same role, and whoever migrates may become it.
MAKE = """
do $$
begin
  if to_regrole('xinxin_service') is null then
    create role xinxin_service nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then null;
end $$
"""
ENTITLE = """
do $$
begin
  if to_regrole('xinxin_service') is not null and not pg_has_role(to_regrole('xinxin_service')::oid, 'xinxin_app', 'USAGE') then
    grant xinxin_app to xinxin_service with inherit true, set false;
  end if;
exception
  when insufficient_privilege then null;
end $$
"""
LEND = """
do $$
begin
  if to_regrole('xinxin_service') is not null and not pg_has_role(current_user, to_regrole('xinxin_service')::oid, 'SET') then
    grant xinxin_service to current_user with inherit false, set true;
  end if;
exception
  when insufficient_privilege then null;
end $$
"""
USABLE = """
select exists (
  select from pg_roles
   where rolname = 'xinxin_service' and pg_has_role(oid, 'xinxin_app', 'USAGE') and pg_has_role(current_user, oid, 'SET')
)
"""
ASK = """数据库账号 {user} 无权创建角色,请管理员执行以下语句后重试 / {user} may not create roles: let an administrator run this, try again:
  create role xinxin_service nologin in role xinxin_app role {user};"""
# Who is signed in acts for themselves, also on a connection that a reader left as the service's.
AS_SERVICE = "    if enter then\n        perform set_config('xinxin.account', asked_account::text, not lasting),"
AS_APP = """    if enter then
        if current_setting('role') = 'xinxin_service' then
            perform set_config('role', 'xinxin_app', not lasting);
        end if;
        perform set_config('xinxin.account', asked_account::text, not lasting),"""
# By its name, each time: a plan that a connection kept would ask for the function that was there before a downgrade.
SIGNED_IN = "select pg_get_functiondef(oid) from pg_proc where proname = 'signed_in' and pronamespace = 'public'::regnamespace"
TABLES = (
    "announcement_receipt", "complaint", "consent", "otp_factor", "points_confirmation", "points_earning_stop", "points_proposal",
    "settlement", "settlement_line", "settlement_dispute", "settlement_correction", "store_application", "enterprise_statement",
    "enterprise_statement_line", "enterprise_statement_name", "shortlist_candidate", "registration", "registration_contact",
    "registration_declaration", "registration_event", "community_checkin", "report_join", "report_request", "report_second_look",
    "report_text", "risk_rank", "reveal", "collusion_case", "collusion_reason",
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _make_role()
    _signed_in(AS_SERVICE, AS_APP)
    serve(*TABLES)


def _make_role() -> None:
    """Raises SystemExit with what an administrator has to run where roles are not ours to make."""
    bind = op.get_bind()
    bind.execute(sa.text("select set_config('lock_timeout', '60s', true)"))  # as long as the migration of another database may take
    for step in (MAKE, ENTITLE, LEND):
        op.execute(step)
    if not bind.execute(sa.text(USABLE)).scalar_one():
        raise SystemExit(ASK.format(user=bind.execute(sa.text("select quote_ident(current_user)")).scalar_one()))
    bind.execute(sa.text("select set_config('lock_timeout', '5s', true)"))


def _signed_in(old: str, new: str) -> None:
    bind = op.get_bind()
    definition = str(bind.execute(sa.text(SIGNED_IN)).scalar_one())
    if old not in definition:
        raise RuntimeError("signed_in is not the function that 0051 made")
    op.execute(sa.text(definition.replace(old, new).replace(":", "\\:")))


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*TABLES)
    _signed_in(AS_APP, AS_SERVICE)
