"""Row security of shortlists: those of the caller's areas, and any that the caller stands on."""

from alembic import op

from migrations.policies import WALL_3, guard, inside, serve, unguard, unserve

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

# By a function: the candidates' own policy asks the list.
STANDS_ON = """
create function shortlisted(asked uuid) returns boolean language sql stable set role = 'xinxin_service' as $$
  select exists (select from shortlist_candidate as c where c.shortlist_id = asked and c.member_id = any(acting_persons()))
$$
"""
ROWS = {"shortlist": f"{inside()} or shortlisted(id)"}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(STANDS_ON)
    guard({table: f"{WALL_3} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    op.execute("drop function shortlisted(uuid)")
