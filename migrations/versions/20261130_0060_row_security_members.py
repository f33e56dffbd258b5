"""Row security of members: a person's row is their own.

What others are told of people whom they meet in a thing (a name that stays sealed, where and as what somebody works, that somebody was
erased) is told by `members_named`, of ids that the caller has; `members.queries` calls it in one place.
"""

from alembic import op

from migrations.policies import WALL_3, guard, own, serve, unguard, unserve

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

AGREES = "a.consented @> array[asked] and a.status <> 'erased' and m.erased_at is null"
SERVED = {
    "members_named(ids uuid[])": (
        "table (id uuid, real_name_sealed bytea, occupation text, area_id uuid, area_path text, erased_at timestamptz)",
        "select m.id, m.real_name_sealed, m.occupation, m.area_id, m.area_path, m.erased_at from member as m where m.id = any(ids)",
    ),
    # Who of these people agrees to be named in public, and the name.
    "members_agreeing(ids uuid[], asked text)": (
        "table (id uuid, real_name_sealed bytea)",
        "select m.id, m.real_name_sealed from member as m join account as a on a.id = m.id"
        f" where m.id = any(ids) and {AGREES}",
    ),
    "member_area(asked uuid)": ("text", "select m.area_path from member as m where m.id = asked"),
}
ROWS = {"member": own("id")}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function, (returned, statement) in SERVED.items():
        op.execute(f"create function {function} returns {returned} language sql stable set role = 'xinxin_service' as $$ {statement} $$")
    guard({table: f"{WALL_3} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    for function in SERVED:
        op.execute(f"drop function {function}")
