"""Store categories, special days, pauses with an end, and contracts."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

ROLES = "xinxin_app, xinxin_keeper"
CATEGORIES = ("supermarket", "restaurant", "repair", "parking", "health", "clothing", "convenience", "venue", "other")
# What an early end writes, and what a change of keys makes anew.
CHANGES = ("ended_on", "ended_by", "ended_at", "end_reason_id", "version", "bank_account_sealed")
# Money is paid by a contract: it stays as it was signed. That it ended early is written once.
KEPT = f"""
create function store_contract_is_kept() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or to_jsonb(new) - array{list(CHANGES)} is distinct from to_jsonb(old) - array{list(CHANGES)}
     or (old.ended_on is not null and (new.ended_on, new.ended_by, new.ended_at, new.end_reason_id)
         is distinct from (old.ended_on, old.ended_by, old.ended_at, old.end_reason_id)) then
    raise exception 'a contract stays as it was signed' using errcode = '42501';
  end if;
  return new;
end $$
"""

# Without an extension no constraint compares a store and a span of days at once. Two inserts come one after the other by the store's lock.
ALONE = """
create function store_contract_is_alone() returns trigger language plpgsql as $$
begin
  perform 1 from store where id = new.store_id for no key update;
  if exists (select from store_contract c where c.store_id = new.store_id and c.starts_on <= new.ends_on
                and coalesce(c.ended_on, c.ends_on) >= new.starts_on) then
    raise exception 'another contract of this store covers one of these days'
      using errcode = '23P01', constraint = 'store_contract_alone';
  end if;
  return new;
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _stores()
    op.create_table(
        "store_special_day",
        *_own(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("opens", sa.String(5), nullable=True),
        sa.Column("closes", sa.String(5), nullable=True),
        sa.Column("note", sa.String(60), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_special_day")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_store_special_day_store_id_store")),
        sa.UniqueConstraint("store_id", "starts_on", name=op.f("uq_store_special_day_store_id_starts_on")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_store_special_day_span")),
        sa.CheckConstraint("num_nulls(opens, closes) in (0, 2)", name=op.f("ck_store_special_day_hours_whole")),
    )
    _contracts()


def _own() -> list[sa.Column[object]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    ]


def _stores() -> None:
    """The index loses its condition: whether a pause has ended is a question of the day, which no index can ask."""
    op.add_column("store", sa.Column("category", sa.String(32), server_default="other", nullable=False))
    op.create_check_constraint(op.f("ck_store_category"), "store", sa.column("category").in_(CATEGORIES))
    op.add_column("store", sa.Column("paused_until", sa.Date(), nullable=True))
    op.add_column("store", sa.Column("pause_note", sa.String(120), nullable=True))
    op.drop_index(op.f("ix_store_lng_lat"), table_name="store")
    op.create_index(op.f("ix_store_lng_lat"), "store", ["lng", "lat"])
    op.create_index(op.f("ix_store_category_id"), "store", ["category", "id"])


def _contracts() -> None:
    table = "store_contract"
    op.create_table(
        table,
        *_own(),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("payee_name", sa.String(120), nullable=False),
        sa.Column("bank_name", sa.String(120), nullable=False),
        sa.Column("bank_account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("bank_account_last4", sa.String(4), nullable=False),
        sa.Column("pay_within_days", sa.SmallInteger(), nullable=False),
        sa.Column("note_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_store_contract")),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_store_contract_store_id_store")),
        sa.ForeignKeyConstraint(["tenant_id"], ["area.id"], name=op.f("fk_store_contract_tenant_id_area")),
        *(
            sa.ForeignKeyConstraint([name], [f"{kind}.id"], name=op.f(f"fk_store_contract_{name}_{kind}"))
            for name, kind in (
                ("note_id", "store_text"), ("end_reason_id", "store_text"), ("made_by", "account"),
                ("ended_by", "account"),
            )
        ),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_store_contract_tenant_id_number")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_store_contract_span")),
        sa.CheckConstraint(
            "num_nulls(ended_on, ended_by, ended_at, end_reason_id) in (0, 4)", name=op.f("ck_store_contract_ended_whole")
        ),
        sa.CheckConstraint("ended_on <= ends_on", name=op.f("ck_store_contract_ended_early")),
        sa.CheckConstraint("pay_within_days between 1 and 90", name=op.f("ck_store_contract_pay_within_days")),
        sa.CheckConstraint("bank_account_last4 ~ '^[0-9]{4}$'", name=op.f("ck_store_contract_last4")),
    )
    op.create_index(op.f("ix_store_contract_store_id_starts_on"), table, ["store_id", "starts_on"])
    op.create_index(op.f("ix_store_contract_ends_on"), table, ["ends_on"], postgresql_where=sa.text("ended_on is null"))
    op.execute(ALONE)
    op.execute(f"create trigger tg_{table}_alone before insert on {table} for each row execute function store_contract_is_alone()")
    op.execute(KEPT)
    op.execute(f"create trigger tg_{table}_kept before update or delete on {table} for each row execute function store_contract_is_kept()")
    op.execute(f"create trigger tg_{table}_whole before truncate on {table} for each statement execute function refuse_change()")
    op.execute(f"revoke update, delete on {table} from {ROLES}")
    op.execute(f"grant update ({', '.join(CHANGES)}) on {table} to {ROLES}")
    op.create_table(
        "store_contract_reminder",
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("contract_id", name=op.f("pk_store_contract_reminder")),
        sa.ForeignKeyConstraint(["contract_id"], ["store_contract.id"], name=op.f("fk_store_contract_reminder_contract_id_store_contract")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("store_contract_reminder")
    op.drop_table("store_contract")
    op.execute("drop function store_contract_is_kept()")
    op.execute("drop function store_contract_is_alone()")
    op.drop_table("store_special_day")
    op.drop_index(op.f("ix_store_category_id"), table_name="store")
    op.drop_index(op.f("ix_store_lng_lat"), table_name="store")
    op.create_index(op.f("ix_store_lng_lat"), "store", ["lng", "lat"], postgresql_where=sa.text("not paused"))
    op.drop_constraint(op.f("ck_store_category"), "store", type_="check")
    op.drop_column("store", "pause_note")
    op.drop_column("store", "paused_until")
    op.drop_column("store", "category")
