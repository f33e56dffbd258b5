"""Row security, the second wall: whatever a statement asks, it finds its caller's own rows and those in the scope of the caller's grants.

Every unit of work says for whom it acts (`app/db/acting.py`): nobody ('-'), an account, or the service ('*'). The release before says
nothing, which is NULL here, or empty once a function has said it for as long as it ran, and passes for as long as both run side by side: a
later migration ends that by another `acting_freely`.
"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import ME, at, guard, inside, of, own, place, unguard

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
create function acting_freely() returns boolean language sql stable parallel safe as
$$ select coalesce(nullif(current_setting('xinxin.account', true), ''), '*') = '*' $$
""",
    """
create function acting_account() returns uuid language sql stable parallel safe as
$$ select case when length(current_setting('xinxin.account', true)) = 36 then current_setting('xinxin.account', true)::uuid end $$
""",
    """
create function acting_persons() returns uuid[] language sql stable parallel safe as
$$ select string_to_array(coalesce(current_setting('xinxin.persons', true), ''), ',')::uuid[] $$
""",
    """
create function acting_areas() returns text[] language sql stable parallel safe as
$$ select string_to_array(coalesce(current_setting('xinxin.areas', true), ''), ',') $$
""",
    """
create function acting_scopes() returns uuid[] language sql stable parallel safe as
$$ select string_to_array(coalesce(current_setting('xinxin.scopes', true), ''), ',')::uuid[] $$
""",
)
# One round trip: who asks is said first, so that what is read afterwards is read for them; their scopes as soon as they are known.
SIGNED_IN = """
create function signed_in(asked_session uuid, asked_account uuid, asked_key text, enter boolean, lasting boolean)
returns table (
    kind text, status text, consented text[], has_phone boolean, otp_pending boolean, stepped_up boolean, grants json, row_id uuid,
    fingerprint bytea, answer_status smallint, media_type text, body bytea
) language plpgsql as $$
declare
    areas text;
    scopes text;
begin
    if enter then
        perform set_config('xinxin.account', asked_account::text, not lasting),
                set_config('xinxin.persons', asked_account::text, not lasting);
    end if;
    select json_agg(json_build_array(g.id, g.role, g.scope_type, g.scope_id, c.area_path)),
           string_agg(distinct c.area_path, ',') filter (where g.scope_type = 'area'),
           string_agg(distinct g.scope_id::text, ',') filter (where g.scope_type <> 'area')
      into grants, areas, scopes
      from access_grant g left join scope c on c.scope_type = g.scope_type and c.scope_id = g.scope_id
     where g.account_id = asked_account and g.revoked_at is null and g.valid_until > clock_timestamp();
    select a.kind, a.status, a.consented, a.phone_index is not null, s.otp_pending,
           coalesce(s.stepped_up_until > clock_timestamp(), false), k.row_id, k.fingerprint, k.status, k.media_type, k.body
      into kind, status, consented, has_phone, otp_pending, stepped_up, row_id, fingerprint, answer_status, media_type, body
      from auth_session s
      join account a on a.id = s.account_id
      left join idempotency_key k on k.account_id = a.id and k.key = asked_key
     where s.id = asked_session and s.account_id = asked_account and s.ended_at is null and s.expires_at > clock_timestamp();
    if found then
        if enter then
            perform set_config('xinxin.areas', coalesce(areas, ''), not lasting),
                    set_config('xinxin.scopes', coalesce(scopes, ''), not lasting);
        end if;
        return next;
    elsif enter then
        perform set_config('xinxin.account', '-', not lasting), set_config('xinxin.persons', '', not lasting);
    end if;
end $$
"""
SIGNATURES = ("verified_in_reach(uuid)", "report_in_reach(uuid)", "signed_in(uuid, uuid, text, boolean, boolean)", *(
    f"acting_{name}()" for name in ("freely", "account", "persons", "areas", "scopes")
))
# What these triggers add up is more than their caller sees: they look at all rows, and let nothing of them out but a refusal.
LOOK_AT_ALL = ("points_entries_balance()", "settlement_adds_up()", "store_contract_is_alone()", "checkin_appointment_once()")

STORES = place()
# An order that was verified in the caller's reach, whatever is handed out there by now; around `verification`, whose policy asks the order.
VERIFIED = """
create function verified_in_reach(asked uuid) returns boolean language sql stable set "xinxin.account" = '*' as $$
  select exists (select 1 from verification as v join store as s on s.id = v.store_id
    where v.redemption_id = asked and (v.store_id = any(acting_scopes()) or s.area_path ^@ any(acting_areas())))
$$
"""
# `report` itself has no policy: its index of places answers to an operator that row security would keep from it (`<@` is not leakproof).
REPORTED = """
create function report_in_reach(asked uuid) returns boolean language sql stable set "xinxin.account" = '*' as $$
  select exists (
    select 1 from report as r where r.id = asked and (
      r.member_id = any(acting_persons()) or r.area_path ^@ any(acting_areas()) or r.assignee_id = any(acting_persons())
      or exists (select 1 from report_join as j where j.report_id = r.id and j.member_id = any(acting_persons()))))
$$
"""
# Table → who may read and change a row besides the service. The busiest follow in steps of their own: a step locks its tables together.
ROWS = {
    "announcement_receipt": own(),
    "complaint": f"{own()} or {inside()}",
    "consent": own(),
    "otp_factor": own("account_id"),
    "points_confirmation": f"{own()} or {inside()}",
    "points_earning_stop": f"{own()} or {inside()}",
    "points_proposal": f"{own()} or {inside()} or {at('organisation_id')} or maker_id = {ME}",
    "settlement": STORES,
    "settlement_line": of("settlement", "whole.id = settlement_id"),
    "settlement_dispute": of("settlement", "whole.id = settlement_id"),
    "settlement_correction": STORES,
    "store_application": f"{own('applicant_id')} or {inside()}",
    # Who reads an enterprise's month does so as the service, once the enterprise is theirs; a member finds what names them.
    "enterprise_statement": of("enterprise_statement_line", f"whole.statement_id = enterprise_statement.id and {own('whole.member_id')}"),
    "enterprise_statement_line": own(),
    "enterprise_statement_name": own(),
    "shortlist_candidate": f"{own()} or {of('shortlist', 'whole.id = shortlist_id and ' + inside('whole.area_path'))}",
    "registration": f"{own()} or {at('organisation_id')} or {inside()} or contact_account_id = {ME}",
    "registration_contact": of("registration", "whole.id = registration_id"),
    "registration_declaration": of("registration", "whole.id = registration_id"),
    "registration_event": of("registration", "whole.id = registration_id"),
    "community_checkin": f"{own()} or {inside()} or {at('enterprise_id')} or reported_by = {ME}",
    "report_join": f"{own()} or report_in_reach(report_id)",
    "report_request": f"report_in_reach(report_id) or asked_by = {ME}",
    "report_second_look": "report_in_reach(report_id)",
    "report_text": f"author_id = {ME} or report_in_reach(report_id)",
    "risk_rank": own(),
    "reveal": f"{own()} or staff_id = {ME}",
    "collusion_case": f"{STORES} or {own()} or {own('clerk_id')} or {own('reviewer_id')}",
    "collusion_reason": of("collusion_case", "whole.id = case_id"),
}


# A function that sets a parameter of ours while it runs is made by whoever may set it: on its own, a superuser.
MAY_SAY = "select has_parameter_privilege(current_user, 'xinxin.account', 'SET')"
ASK = """数据库账号 {user} 无权设置参数,请管理员执行以下语句后重试 / {user} may not set a parameter: have an administrator run this:
  grant set on parameter "xinxin.account" to {user};"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    bind = op.get_bind()
    if not bind.execute(sa.text(MAY_SAY)).scalar_one():
        raise SystemExit(ASK.format(user=bind.execute(sa.text("select quote_ident(current_user)")).scalar_one()))
    for function in (*FUNCTIONS, SIGNED_IN, VERIFIED, REPORTED):
        op.execute(function)
    for name in LOOK_AT_ALL:
        op.execute(f"""alter function {name} set "xinxin.account" = '*'""")
    guard(ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unguard(ROWS)
    for name in LOOK_AT_ALL:
        op.execute(f'alter function {name} reset "xinxin.account"')
    for signature in SIGNATURES:
        op.execute(f"drop function {signature}")
