"""Room beside rows that are updated in place, and no index over what changes in them: such an update writes no index (a HOT update).

The room is kept in pages that are written from now on; nothing is rewritten, and no writer waits. The indexes over empty sums go: because
of them each sum that changed was written into the table's other index again, for the few that become empty. The counting job of the
release before looks for those by a scan as long as it runs beside ours. A vacuum comes when a twentieth of a large table is dead, not a
fifth: so the desk's and the stores' counts stay reads of an index alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

EMPTY = {"report_summary": "received", "report_hours": "closed", "report_cell": "reports"}
ROOM = {
    "auth_session": 85, "refresh_token": 85, "report_fact": 85, "report_summary": 85, "report_hours": 85, "report_cell": 85,
    "budget_month": 85, "budget_member": 85, "message_grant": 85, "store_visit_day": 85, "reward_member_usage": 85,
    "reward_store_usage": 85,
}
DEAD, ADDED = "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor"
VACUUMED = {
    "report": DEAD, "report_clock": DEAD, "points_balance": DEAD, "points_lot": DEAD, "redemption": DEAD, "message": DEAD, "upload": DEAD,
    "auth_session": DEAD, "refresh_token": DEAD, "idempotency_key": DEAD, "points_entry": ADDED,
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in EMPTY:
        op.drop_index(op.f(f"ix_{table}_empty"), table)
    for table, percent in ROOM.items():
        op.execute(f"alter table {table} set (fillfactor = {percent})")
    for table, which in VACUUMED.items():
        op.execute(f"alter table {table} set ({which} = 0.05)")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table, which in VACUUMED.items():
        op.execute(f"alter table {table} reset ({which})")
    for table in ROOM:
        op.execute(f"alter table {table} reset (fillfactor)")
    for table, count in EMPTY.items():
        op.create_index(op.f(f"ix_{table}_empty"), table, [count], postgresql_where=sa.text(f"{count} = 0"))
