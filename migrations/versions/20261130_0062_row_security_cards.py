"""Row security of contact cards, of the lines of published lists, and of the trail.

A card is told beside the registration whose contact person it is of, a list whole, as it is published: by functions that work as the
service. The trail is written by everybody; a request reads none of it.
"""

from alembic import op

from migrations.policies import FREELY, WALL_3, guard, inside, own, serve, unguard, unserve

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

SERVED = {
    "contact_card(asked uuid)": ("text", "select c.phone from registration_contact_card as c where c.account_id = asked"),
    "publicity_lines(asked uuid)": (
        "table (member_id uuid, points integer, events integer, struck_at timestamptz)",
        "select l.member_id, l.points, l.events, l.struck_at from publicity_line as l where l.list_id = asked",
    ),
}
ROWS = {
    "registration_contact_card": own("account_id"),
    "publicity_line": f"{own()} or exists (select 1 from publicity_list as whole where whole.id = list_id and {inside('whole.area_path')})",
}
TRAIL = f"{FREELY} or {WALL_3}"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function, (returned, statement) in SERVED.items():
        op.execute(f"create function {function} returns {returned} language sql stable set role = 'xinxin_service' as $$ {statement} $$")
    guard({table: f"{WALL_3} or {some}" for table, some in ROWS.items()})
    op.execute("alter table audit_event enable row level security, force row level security")
    op.execute(f"create policy acting_select on audit_event for select using ({TRAIL})")
    op.execute("create policy acting_insert on audit_event for insert with check (true)")
    op.execute(f"create policy acting_update on audit_event for update using ({TRAIL}) with check ({TRAIL})")
    op.execute(f"create policy acting_delete on audit_event for delete using ({TRAIL})")
    serve(*ROWS, "audit_event")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS, "audit_event")
    unguard({**ROWS, "audit_event": TRAIL})
    for function in SERVED:
        op.execute(f"drop function {function}")
