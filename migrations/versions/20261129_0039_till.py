"""One use per ticket, heads of a store's days, numbers without a lock."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

BOTH = "xinxin_app, xinxin_keeper"
PREFIXES = ("R", "D", "S", "Z", "A")
DAY = 1_000_000_000  # a sequence counts on from (days since 2000) times this

# What is drawn from a sequence is drawn for good, so nobody waits for anybody's commit. The first who comes on a new day moves the
# sequence to that day's beginning, under a lock that is given back with the subtransaction, whereas a sequence keeps what it was told.
NEXT = f"""
create function next_number(prefix text) returns text language plpgsql as $$
declare
  own constant regclass := ('number_' || lower(prefix))::regclass;
  today constant bigint := ((clock_timestamp() at time zone 'Asia/Shanghai')::date - date '2000-01-01') * {DAY}::bigint;
  drawn bigint := nextval(own);
begin
  if drawn < today then
    begin
      perform pg_advisory_xact_lock(hashtextextended('number:' || prefix, 0));
      drawn := nextval(own);
      if drawn < today then
        drawn := setval(own, today + 1);
      end if;
      raise exception using errcode = 'XN001';
    exception when sqlstate 'XN001' then null;
    end;
  end if;
  return prefix || to_char(date '2000-01-01' + (drawn / {DAY})::int, 'YYYYMMDD') || '-'
    || lpad((drawn % {DAY})::text, greatest(6, length((drawn % {DAY})::text)), '0');
end $$
"""
# The previous release, while it still runs, goes on counting in its own rows: far above everything that a sequence gives.
APART = """
create function day_number_apart() returns trigger language plpgsql as $$
begin
  new.last := new.last + 500000;
  return new;
end $$
"""
GONE_ON = """
insert into day_number as n (prefix, day, last)
select '{prefix}', date '2000-01-01' + (last_value / {day})::int, last_value % {day} from number_{name}
 where last_value >= ((clock_timestamp() at time zone 'Asia/Shanghai')::date - date '2000-01-01') * {day}::bigint and last_value % {day} > 0
on conflict (prefix, day) do update set last = greatest(n.last, excluded.last)
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("redemption", sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(op.f("ck_redemption_uses"), "redemption", "uses >= 0")
    op.create_index(op.f("ix_verification_guess_actor_id_created_at"), "verification_guess", ["actor_id", "created_at"])
    op.drop_index(op.f("ix_verification_guess_actor_id"), "verification_guess")
    op.create_index(op.f("ix_verification_undo_undone_at"), "verification_undo", ["undone_at"])
    op.create_table(
        "store_day_head",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_day_head")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_store_day_head_store_id_store")),
        sa.UniqueConstraint("store_id", "day", name=op.f("uq_store_day_head_store_id_day")),
        sa.UniqueConstraint("store_id", "previous", name=op.f("uq_store_day_head_store_id_previous")),
        sa.CheckConstraint("count >= 0 and undone >= 0 and count + undone > 0", name=op.f("ck_store_day_head_counts")),
        sa.CheckConstraint("octet_length(previous) = 32 and octet_length(head) = 32", name=op.f("ck_store_day_head_digests")),
    )
    op.execute(
        "create trigger tg_store_day_head_append_only before update or delete or truncate on store_day_head"
        " for each statement execute function refuse_change()"
    )
    op.execute(f"revoke update, delete on store_day_head from {BOTH}")
    _count_by_sequence()


def _count_by_sequence() -> None:
    """From where each day's row stands. The lock waits for those who have raised one and not committed yet."""
    op.execute("lock table day_number in share row exclusive mode")
    for prefix in PREFIXES:
        name = prefix.lower()
        op.execute(f"create sequence number_{name} as bigint")
        op.execute(f"grant usage, select, update on sequence number_{name} to xinxin_app")
        op.execute(
            f"select setval('number_{name}', (day - date '2000-01-01') * {DAY}::bigint + last) from day_number"
            f" where prefix = '{prefix}' and day = (clock_timestamp() at time zone 'Asia/Shanghai')::date"
        )
    op.execute("update day_number set last = last + 500000 where day = (clock_timestamp() at time zone 'Asia/Shanghai')::date")
    op.execute(NEXT)
    op.execute(APART)
    op.execute("create trigger tg_day_number_apart before insert on day_number for each row execute function day_number_apart()")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("lock table day_number in share row exclusive mode")
    op.execute("drop trigger tg_day_number_apart on day_number")
    op.execute("drop function day_number_apart()")
    op.execute("drop function next_number(text)")
    for prefix in PREFIXES:
        op.execute(GONE_ON.format(prefix=prefix, name=prefix.lower(), day=DAY))
        op.execute(f"drop sequence number_{prefix.lower()}")
    op.drop_table("store_day_head")
    op.drop_index(op.f("ix_verification_undo_undone_at"), "verification_undo")
    op.create_index(op.f("ix_verification_guess_actor_id"), "verification_guess", ["actor_id"])
    op.drop_index(op.f("ix_verification_guess_actor_id_created_at"), "verification_guess")
    op.drop_constraint(op.f("ck_redemption_uses"), "redemption")
    op.drop_column("redemption", "uses")
