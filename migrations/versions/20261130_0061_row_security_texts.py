"""Row security of sentences: whoever wrote one reads it, whom it is about, and whoever sees the thing that refers to it.

What refers to a sentence is found by an index over the reference.
"""

import sqlalchemy as sa
from alembic import op

from migrations.policies import ME, WALL_3, at, guard, inside, of, own, place, serve, unguard, unserve

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

REFERENCES = {
    "collusion_case": ["note_id"],
    "moderation_item": ["note_id"],
    "points_confirmation": ["reason_id"],
    "points_earning_stop": ["lift_reason_id"],
    "points_proposal": ["reason_id"],
    "points_freeze": ["note_id"],
    "points_publicity_objection": ["text_id", "answer_id"],
    "settlement_correction": ["reason_id"],
    "settlement_dispute": ["reason_id", "answer_id"],
    "verification_undo": ["reason_id"],
    "reward_stock_entry": ["note_id"],
    "store_application": ["reason_id"],
    "store_contract": ["note_id", "end_reason_id"],
}
ALWAYS = {"points_proposal.reason_id", "points_publicity_objection.text_id", "settlement_correction.reason_id",
          "settlement_dispute.reason_id", "verification_undo.reason_id"}
WROTE = f"author_id = {ME}"
LIFTED = (
    f"exists (select 1 from points_freeze as whole where whole.note_id = points_text.id"
    f" and ({inside('whole.area_path')} or (select acting_administers())))"
)
STOCKED = (
    "exists (select 1 from reward_stock_entry as entry join reward_store as place on place.reward_id = entry.reward_id"
    f" where entry.note_id = reward_note.id and ({at('place.store_id')} or {inside('place.area_path')}))"
)
ROWS = {
    "collusion_text": f"{WROTE} or {of('collusion_case', 'whole.note_id = collusion_text.id')}",
    "moderation_text": f"{WROTE} or {of('moderation_item', 'whole.note_id = moderation_text.id and ' + inside('whole.area_path'))}",
    "points_text": " or ".join(
        (
            own(), of("points_proposal", "whole.reason_id = points_text.id"), of("points_confirmation", "whole.reason_id = points_text.id"),
            of("points_earning_stop", "whole.lift_reason_id = points_text.id"), LIFTED,
            of("points_publicity_objection", "whole.text_id = points_text.id"),
            of("points_publicity_objection", "whole.answer_id = points_text.id"),
        )
    ),
    "redemption_text": " or ".join(
        (
            WROTE, own(), of("verification_undo", "whole.reason_id = redemption_text.id"),
            of("settlement_dispute", "whole.reason_id = redemption_text.id"),
            of("settlement_dispute", "whole.answer_id = redemption_text.id"),
            of("settlement_correction", "whole.reason_id = redemption_text.id"),
        )
    ),
    "reward_note": f"{WROTE} or {STOCKED}",
    "store_text": " or ".join(
        (
            WROTE, own(), of("store_application", "whole.reason_id = store_text.id"),
            of("store_contract", f"whole.note_id = store_text.id and ({place('whole.store_id')})"),
            of("store_contract", f"whole.end_reason_id = store_text.id and ({place('whole.store_id')})"),
        )
    ),
}


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table, columns in REFERENCES.items():
        for column in columns:
            some = None if f"{table}.{column}" in ALWAYS else sa.text(f"{column} is not null")
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column], postgresql_where=some)
    guard({table: f"{WALL_3} or {some}" for table, some in ROWS.items()})
    serve(*ROWS)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    unserve(*ROWS)
    unguard(ROWS)
    for table, columns in REFERENCES.items():
        for column in columns:
            op.drop_index(op.f(f"ix_{table}_{column}"), table)
