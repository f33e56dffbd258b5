"""Row security of points and orders."""

from alembic import op

from migrations.policies import ME, at, guard, inside, of, own, place, unguard

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

ROWS = {
    "points_balance": own(),
    "points_entry": f"(member_id is null and {ME} is not null) or {own()}",
    "points_level": own(),
    "points_lot": own(),
    "points_reminder": own(),
    "points_transaction": own(),
    "points_award": f"{own()} or {inside()}",
    "redemption": (
        f"{own()} or exists (select 1 from reward_store as place where place.reward_id = redemption.reward_id"
        f" and ({at('place.store_id')} or {inside('place.area_path')})) or verified_in_reach(id)"
    ),
    "verification": f"{place()} or {of('redemption', 'whole.id = redemption_id')}",
    "verification_undo": of("verification", "whole.id = verification_id"),
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    guard(ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unguard(ROWS)
