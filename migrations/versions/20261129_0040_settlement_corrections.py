"""Frozen terms, corrections forward, and what the budget view sums."""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

BOTH = "xinxin_app, xinxin_keeper"
FROZEN = (
    ("store_name", sa.String(120)), ("lines", sa.Integer()), ("total_cents", sa.BigInteger()), ("contract_id", sa.Uuid()),
    ("contract_number", sa.String(40)), ("payee_name", sa.String(120)), ("account_last4", sa.String(4)),
    ("pay_within_days", sa.SmallInteger()), ("head_day", sa.Date()), ("head", sa.String(64)), ("digest", sa.String(64)),
)
CHECKS = {
    "frozen": "num_nulls(store_name, lines, total_cents, digest) in (0, 4) and digest ~ '^[0-9a-f]{64}$'",
    "figures": "lines >= 0 and total_cents >= 0",
    "terms": "num_nulls(contract_id, contract_number, payee_name, account_last4, pay_within_days) in (0, 5)",
    "head": "(head is null) = (head_day is null) and head ~ '^[0-9a-f]{64}$'",
    "pay_by": "pay_by is null or confirmed_at is not null",
}
LIFE = "status, confirm_by, confirmed_at, confirmed_by_silence, paid_at, payment_reference, pay_by, version"
DECISION = "status, decided_by, decided_at, settlement_id, version"

# Who may write at all is a matter of privileges; this holds for the owner of the tables too. An update of what a closing has fixed is
# refused; the life of the row goes on.
STAYS = """
create function {table}_stays() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' or (to_jsonb(old) - array[{life}]) is distinct from (to_jsonb(new) - array[{life}]){more} then
    raise exception '{table}: what was fixed does not change' using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$
"""
DECIDED = (
    "\n     or (old.status <> 'pending' and (old.status, old.decided_by) is distinct from (new.status, new.decided_by))"
    "\n     or (old.settlement_id is not null and old.settlement_id is distinct from new.settlement_id)"
)

# At the commit of a closing, when its lines and corrections are there. Closings of the previous release say no total.
ADDS_UP = """
create function settlement_adds_up() returns trigger language plpgsql as $$
declare
  lined integer;
  cents bigint;
begin
  select count(*), coalesce(sum(l.cents), 0) into lined, cents from settlement_line l where l.settlement_id = new.id;
  cents := cents + (select coalesce(sum(c.cents), 0) from settlement_correction c where c.settlement_id = new.id);
  if (lined, cents) is distinct from (new.lines, new.total_cents) then
    raise exception 'settlement %: its lines and corrections come to % and %', new.id, lined, cents
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    columns = ", ".join(f"add column {name} {kind.compile(op.get_bind().dialect)}" for name, kind in FROZEN)
    checks = ", ".join(f"add constraint ck_settlement_{name} check ({check})" for name, check in CHECKS.items())
    op.execute(
        f"alter table settlement {columns}, add column pay_by date, {checks},"
        " add constraint fk_settlement_contract_id_store_contract foreign key (contract_id) references store_contract (id)"
    )
    _create_corrections()
    for table, life, more in (("settlement", LIFE, ""), ("settlement_correction", DECISION, DECIDED)):
        names = ", ".join(f"'{name}'" for name in life.split(", "))
        op.execute(STAYS.format(table=table, life=names, more=more))
        op.execute(f"create trigger tg_{table}_stays before update or delete on {table} for each row execute function {table}_stays()")
        op.execute(f"revoke update, delete on {table} from {BOTH}")
        op.execute(f"grant update ({life}) on {table} to {BOTH}")
    op.execute(ADDS_UP)
    op.execute(
        "create constraint trigger tg_settlement_adds_up after insert on settlement deferrable initially deferred"
        " for each row when (new.total_cents is not null) execute function settlement_adds_up()"
    )
    _create_budgets()


def _create_corrections() -> None:
    op.create_table(
        "settlement_correction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("verification_id", sa.Uuid(), nullable=True),
        sa.Column("of_month", sa.Date(), nullable=True),
        sa.Column("reason_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settlement_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_correction")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_settlement_correction_{column}_{table}"))
            for column, table in (
                ("store_id", "store"), ("verification_id", "verification"), ("reason_id", "redemption_text"), ("proposed_by", "account"),
                ("decided_by", "account"), ("settlement_id", "settlement"),
            )
        ),
        *(
            sa.CheckConstraint(check, name=op.f(f"ck_settlement_correction_{name}"))
            for name, check in (
                ("first_of_month", "month = date_trunc('month', month)"),
                ("of_an_earlier_month", "of_month = date_trunc('month', of_month) and of_month < month"),
                ("moves_something", "cents <> 0"), ("two_persons", "decided_by <> proposed_by"),
                ("status", "status in ('pending', 'approved', 'rejected')"),
                ("decided", "(status = 'pending') = (decided_by is null) and (decided_by is null) = (decided_at is null)"),
                ("settled_is_approved", "settlement_id is null or status = 'approved'"),
            )
        ),
    )
    for column in ("settlement_id", "verification_id"):
        op.create_index(
            f"ix_settlement_correction_{column}", "settlement_correction", [column], postgresql_where=sa.text(f"{column} is not null")
        )
    op.create_index(
        "ix_settlement_correction_store_id_month", "settlement_correction", ["store_id", "month"],
        postgresql_where=sa.text("settlement_id is null"),
    )
    for column in ("proposed_by", "decided_by"):
        op.create_index(f"ix_settlement_correction_{column}", "settlement_correction", [column])


def _create_budgets() -> None:
    op.create_table(
        "budget_member",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("area_path", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_budget_member")),
        sa.ForeignKeyConstraint(["member_id"], ["account.id"], name=op.f("fk_budget_member_member_id_account")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_budget_member_version")),
    )
    op.create_table(
        "budget_month",
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("earned", "adjusted", "taken_back", "captured", "expired")),
        sa.PrimaryKeyConstraint("area_path", "month", name=op.f("pk_budget_month")),
        sa.CheckConstraint("month = date_trunc('month', month)", name=op.f("ck_budget_month_first_of_month")),
    )
    op.create_table(
        "budget_lapse",
        sa.Column("area_path", sa.String(), nullable=False),
        sa.Column("lapses_on", sa.Date(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("area_path", "lapses_on", name=op.f("pk_budget_lapse")),
        sa.CheckConstraint("points > 0", name=op.f("ck_budget_lapse_points")),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("budget_lapse", "budget_month", "budget_member"):
        op.drop_table(table)
    op.execute("drop trigger tg_settlement_adds_up on settlement")
    op.execute("drop trigger tg_settlement_stays on settlement")
    op.drop_table("settlement_correction")
    for function in ("settlement_adds_up", "settlement_stays", "settlement_correction_stays"):
        op.execute(f"drop function {function}()")
    op.execute(f"revoke update ({LIFE}) on settlement from {BOTH}")
    op.execute(f"grant update, delete on settlement to {BOTH}")
    checks = ", ".join(f"drop constraint ck_settlement_{name}" for name in CHECKS)
    columns = ", ".join(f"drop column {name}" for name, _ in (*FROZEN, ("pay_by", None)))
    op.execute(f"alter table settlement {checks}, {columns}")
