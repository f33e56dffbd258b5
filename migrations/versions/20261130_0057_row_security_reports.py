"""Row security of reports, with what tells of them.

The release of 0053 says for whom it acts, and not yet where it goes beyond that with a report: it passes, since its connections do not say
that they know this wall. What ends NULL one day ends this too.
"""

from alembic import op

from migrations.policies import UNAWARE, guard, inside, own, serve, unguard, unserve

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

# What a report was merged into may lie elsewhere: whoever sees the one is told the number of the other, and when that was dispatched.
HEADS = (
    """
create function report_number(asked uuid) returns text language sql stable strict set role = 'xinxin_service' as $$
  select number from report where id = asked
$$
""",
    """
create function report_dispatched_at(asked uuid) returns timestamptz language sql stable strict set role = 'xinxin_service' as $$
  select dispatched_at from report where id = asked
$$
""",
)
# The end of a number is found by an index over a function, which row security would keep from it. It gives ids and no rows.
NUMBERED = """
create function reports_numbered(tails text[]) returns setof uuid language sql stable rows 10 set role = 'xinxin_service' as $$
  select id from report where right(number, 6) = any(tails)
$$
"""
KNOWS = """
create function acting_unaware() returns boolean language sql stable parallel safe as
$$ select coalesce(nullif(current_setting('xinxin.wall', true), '')::int, 1) < 2 $$
"""
JOINED = f"exists (select 1 from report_join as joined where joined.report_id = report.id and {own('joined.member_id')})"
ROWS = {
    # What was merged into a report belongs to whoever sees that one.
    "report": f"{own()} or {inside()} or {own('assignee_id')} or {JOINED}"
    " or (merged_into is not null and report_in_reach(merged_into))",
    "report_event": "report_in_reach(report_id)",
    "report_proof": "report_in_reach(report_id)",
}
# It refuses a category that has reports, whoever looks.
LOOKS_AT_ALL = "report_category_parent()"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in (KNOWS, *HEADS, NUMBERED):
        op.execute(function)
    op.execute(f"""alter function {LOOKS_AT_ALL} set "xinxin.account" = '*'""")
    guard({table: f"{UNAWARE} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    op.execute(f'alter function {LOOKS_AT_ALL} reset "xinxin.account"')
    op.execute("drop function reports_numbered(text[]), report_dispatched_at(uuid), report_number(uuid), acting_unaware()")
