"""Rules with days of validity, caps as data, limits of changes by hand."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

CODES = ("GLOBAL", "ADJUSTMENT_PER_MEMBER", "ADJUSTMENT_PER_MAKER")
# code, per day, per month, per year (domain.md, "Default points rules"; those of changes by hand are ours)
CAPS = (("GLOBAL", 200, 2_000, 12_000), ("ADJUSTMENT_PER_MEMBER", None, 1_000, None), ("ADJUSTMENT_PER_MAKER", None, 5_000, None))
AWARD_INDEX = "ix_points_award_member_id_filed_on"
# Check-ins that were paid already: the rule is once a community and local year of filing.
ONCE = """
update points_award a set once_key = 'community:' || c.area_id || ':' || extract(year from a.filed_on)::int
  from community_checkin c
 where a.rule_code = 'COMMUNITY_CHECKIN' and a.source_type = 'checkin' and a.credited > 0 and c.id = a.source_id"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _validity("points_rule")
    op.create_check_constraint("order_of_days", "points_rule", "valid_until >= valid_from")
    _caps()
    _awards()
    for who in ("maker_id", "member_id"):
        op.create_index(f"ix_points_proposal_{who}_created_at", "points_proposal", [who, "created_at"])


def _validity(table: str) -> None:
    op.add_column(table, sa.Column("valid_from", sa.Date()))
    op.add_column(table, sa.Column("valid_until", sa.Date()))


def _caps() -> None:
    op.create_table(
        "points_cap",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("code", sa.Enum(*CODES, name="code", native_enum=False, create_constraint=True, length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("per_day", sa.Integer()),
        sa.Column("per_month", sa.Integer()),
        sa.Column("per_year", sa.Integer()),
        sa.Column("area_path", sa.String()),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_until", sa.Date()),
        sa.Column("made_by", sa.Uuid(), sa.ForeignKey("account.id")),
        sa.UniqueConstraint("code", "version"),
        sa.CheckConstraint("version > 0 and per_day > 0 and per_month > 0 and per_year > 0", name="sane"),
        sa.CheckConstraint("valid_until >= valid_from", name="order_of_days"),
    )
    insert = sa.text(
        "insert into points_cap (id, code, version, per_day, per_month, per_year) values (:id, :code, 1, :day, :month, :year)"
    )
    for code, day, month, year in CAPS:
        row = {"id": uuid.uuid5(uuid.NAMESPACE_URL, f"xinxin:points-cap:{code}"), "code": code, "day": day, "month": month, "year": year}
        op.get_bind().execute(insert, row)
    op.execute(
        "create trigger tg_points_cap_append_only before update or delete or truncate on points_cap"
        " for each statement execute function refuse_change()"
    )
    op.execute("revoke update, delete on points_cap from xinxin_app, xinxin_keeper")


def _awards() -> None:
    table = "points_award"
    op.add_column(table, sa.Column("area_path", sa.String()))
    op.add_column(table, sa.Column("points_each", sa.Integer()))
    op.add_column(table, sa.Column("units", sa.Integer(), server_default="1", nullable=False))
    op.add_column(table, sa.Column("units_credited", sa.Integer(), server_default="1", nullable=False))
    op.add_column(table, sa.Column("withheld_cap", sa.Integer()))
    op.add_column(table, sa.Column("once_key", sa.String(length=64)))
    op.create_check_constraint("units", table, "units > 0 and units_credited between 0 and units")
    op.execute(f"alter table {table} disable trigger tg_{table}_append_only")
    op.execute(ONCE)
    op.execute(f"alter table {table} enable trigger tg_{table}_append_only")
    op.create_index(
        "uq_points_award_once", table, ["member_id", "rule_code", "once_key"], unique=True,
        postgresql_where=sa.text("once_key is not null"),
    )
    op.drop_index(AWARD_INDEX, table)
    op.create_index(AWARD_INDEX, table, ["member_id", "filed_on"], postgresql_include=["rule_code", "credited", "units_credited"])
    op.create_index("ix_points_award_filed_on", table, ["filed_on"], postgresql_using="brin")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for who in ("maker_id", "member_id"):
        op.drop_index(f"ix_points_proposal_{who}_created_at", "points_proposal")
    op.drop_index("ix_points_award_filed_on", "points_award")
    op.drop_index(AWARD_INDEX, "points_award")
    op.create_index(AWARD_INDEX, "points_award", ["member_id", "filed_on"])
    for column in ("once_key", "withheld_cap", "units_credited", "units", "points_each", "area_path"):
        op.drop_column("points_award", column)
    op.drop_table("points_cap")
    for column in ("valid_until", "valid_from"):
        op.drop_column("points_rule", column)
