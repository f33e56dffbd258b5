"""Row security of photos, and of what lies beside reports, registrations and stores."""

from alembic import op

from migrations.policies import ME, UNAWARE, at, guard, inside, of, own, serve, unguard, unserve

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

# A photo is seen by whoever sees the thing that shows it: asked under that thing's own policy. What is shown to everybody needs none.
SHOWN = """
create function photo_in_reach(thing text, asked uuid) returns boolean language sql stable as $$
  select case
    when thing like 'report\\_%' then report_in_reach(asked)
    when thing = 'complaint' then exists (select 1 from complaint where id = asked)
    when thing = 'store_application' then exists (select 1 from store_application where id = asked)
    when thing in ('adjustment', 'clawback', 'award') then exists (select 1 from points_proposal where id = asked)
    else coalesce(thing in ('store', 'reward', 'announcement', 'group'), false)
  end
$$
"""
# Where a branch or an enterprise lies is told by the scope that goes with it.
WHOSE_LIST = (
    f"{at('owner_id')} or exists (select 1 from scope as place where place.scope_type = kind and place.scope_id = owner_id"
    f" and {inside('place.area_path')})"
)
WORKS_FOR = (
    f"{own()} or {at('enterprise_id')} or exists (select 1 from scope as place where place.scope_type = 'enterprise'"
    f" and place.scope_id = enterprise_id and {inside('place.area_path')})"
    " or exists (select 1 from registration as told where told.member_id = employment.member_id)"
)
ROWS = {
    "upload": f"{own()} or photo_in_reach(kind, owner_id)",
    "moderation_item": f"{inside()} or author_id = {ME}",
    "registration_text": of("registration", "whole.id = registration_id"),
    "employment": WORKS_FOR,
    "roster": WHOSE_LIST,
    "roster_rows": of("roster", "whole.id = roster_id"),
    "roster_errors": of("roster", "whole.id = roster_id"),
    "roster_line": f"{own()} or {of('roster', 'whole.id = roster_id')}",
    "points_publicity_objection": (
        f"{own()} or exists (select 1 from publicity_list as whole where whole.id = list_id and {inside('whole.area_path')})"
    ),
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(SHOWN)
    guard({table: f"{UNAWARE} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    op.execute("drop function photo_in_reach(text, uuid)")
