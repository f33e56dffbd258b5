"""Organisations: kinds and formations as data; assignments, visits, coverage."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# code, name, takes people in, by trade, rank (the contract's closed lists)
KINDS = (
    ("branch", "支部", True, False, 10),
    ("mobile_branch", "流动党员党支部", True, False, 10),
    ("general_branch", "总支", True, False, 10),
    ("comprehensive_committee", "综合党委", True, False, 20),
    ("trade_committee", "行业党委", False, True, 30),
    ("group", "党小组", False, False, 40),
)
FORMATIONS = (
    ("time_limited", "限时组建"), ("independent", "独立组建"), ("joint", "企企联建"), ("trade", "行业共建/行业统建"),
    ("seconded", "派驻组建/选派组建"), ("regional", "区域联建"), ("incubated", "孵化组建"),
)
TODAY = "(timezone('Asia/Shanghai', clock_timestamp()))::date"
TRADES = "'courier', 'food_delivery', 'ride_hailing', 'truck_driver', 'streamer', 'domestic_service', 'other'"


TOPICS = "'setting_up', 'organisation_life', 'development', 'demands', 'rights', 'safety', 'policy', 'other'"
ONE_PLACE = "num_nonnulls(organisation_id, enterprise_id) = 1"


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _words()
    _organisations()
    _covers()
    _assignments()
    _visits()


def _row() -> list[sa.Column]:
    """The columns of every table with an id of its own."""
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
    ]


def _refers(column: str, table: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(column, sa.Uuid(), sa.ForeignKey(f"{table}.id"), nullable=nullable)


def _covers() -> None:
    table = "organisation_coverage"
    op.create_table(
        table, *_row(), _refers("organisation_id", "organisation"), _refers("enterprise_id", "enterprise"),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.CheckConstraint("until >= since", name="order"),
    )
    op.create_index(
        "uq_organisation_coverage_open", table, ["organisation_id", "enterprise_id"], unique=True,
        postgresql_where=sa.text("until is null"),
    )
    op.create_index("ix_organisation_coverage_organisation_id_id", table, ["organisation_id", "id"])
    op.create_index("ix_organisation_coverage_enterprise_id", table, ["enterprise_id"])


def _places(table: str) -> None:
    """The indexes of what belongs to an organisation or to an enterprise."""
    for column in ("organisation_id", "enterprise_id"):
        op.create_index(f"ix_{table}_{column}_id", table, [column, "id"], postgresql_where=sa.text(f"{column} is not null"))
    op.create_index(f"ix_{table}_account_id", table, ["account_id"])


def _assignments() -> None:
    table = "coverage_assignment"
    op.create_table(
        table, *_row(),
        sa.Column("role", sa.String(32), nullable=False),
        _refers("account_id", "account", nullable=True), _refers("grant_id", "access_grant", nullable=True),
        _refers("organisation_id", "organisation", nullable=True), _refers("enterprise_id", "enterprise", nullable=True),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("role in ('instructor', 'liaison')", name="role"),
        sa.CheckConstraint(ONE_PLACE, name="one_place"),
        sa.CheckConstraint("until >= since", name="order"),
        sa.CheckConstraint("account_id is not null or grant_id is not null", name="somebody"),
        sa.CheckConstraint("role = 'instructor' or grant_id is null", name="grant_of_instructor"),
        sa.CheckConstraint("ended_at is null or until is not null", name="ended_whole"),
    )
    op.create_index(
        "uq_coverage_assignment_open", table, ["account_id", "role", "organisation_id", "enterprise_id"], unique=True,
        postgresql_where=sa.text("until is null"), postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_coverage_assignment_grant_id", table, ["grant_id"])
    _places(table)


def _visits() -> None:
    table = "coverage_visit"
    op.create_table(
        table, *_row(), _refers("account_id", "account"),
        _refers("organisation_id", "organisation", nullable=True), _refers("enterprise_id", "enterprise", nullable=True),
        sa.Column("visited_on", sa.Date, nullable=False),
        sa.Column("topics", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("note_sealed", sa.LargeBinary),
        sa.CheckConstraint(ONE_PLACE, name="one_place"),
        sa.CheckConstraint(f"topics <@ array[{TOPICS}]::text[]", name="topics"),
    )
    _places(table)


def _words() -> None:
    op.create_table(
        "organisation_kind",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("takes_in", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("by_trade", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("rank", sa.Integer, nullable=False, server_default="100"),
        sa.Column("in_force", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.PrimaryKeyConstraint("code", name="pk_organisation_kind"),
        sa.CheckConstraint("code ~ '^[a-z][a-z_]{1,31}$'", name=op.f("ck_organisation_kind_code")),
    )
    op.create_table(
        "organisation_formation",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("in_force", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.PrimaryKeyConstraint("code", name="pk_organisation_formation"),
        sa.CheckConstraint("code ~ '^[a-z][a-z_]{1,31}$'", name=op.f("ck_organisation_formation_code")),
    )
    columns = ("code", "name", "takes_in", "by_trade", "rank")
    kind = sa.text(f"insert into organisation_kind ({', '.join(columns)}) values (:code, :name, :takes_in, :by_trade, :rank)")
    for row in KINDS:
        op.execute(kind.bindparams(**dict(zip(columns, row, strict=True))))
    formation = sa.text("insert into organisation_formation (code, name) values (:code, :name)")
    for code, name in FORMATIONS:
        op.execute(formation.bindparams(code=code, name=name))


def _organisations() -> None:
    """Values that the previous release writes still fit: its words are the seeded ones, its rows get the defaults."""
    for column in ("kind", "formation"):
        op.execute(f"alter table organisation drop constraint ck_organisation_{column}")
        words = f"organisation_{column}"
        op.create_foreign_key(f"fk_organisation_{column}_{words}", "organisation", words, [column], ["code"])
    op.add_column("organisation", sa.Column("trades", postgresql.ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.add_column("organisation", sa.Column("founded_on", sa.Date, nullable=False, server_default=sa.text(TODAY)))
    op.add_column("organisation", sa.Column("dissolved_on", sa.Date))
    op.execute("update organisation set founded_on = (timezone('Asia/Shanghai', created_at))::date")
    op.create_check_constraint(op.f("ck_organisation_trades"), "organisation", f"trades <@ array[{TRADES}]::text[]")
    op.create_check_constraint(op.f("ck_organisation_dissolved_after_founded"), "organisation", "dissolved_on >= founded_on")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("coverage_visit", "coverage_assignment", "organisation_coverage"):
        op.drop_table(table)
    for name in ("trades", "dissolved_after_founded"):
        op.drop_constraint(op.f(f"ck_organisation_{name}"), "organisation")
    for column in ("trades", "founded_on", "dissolved_on"):
        op.drop_column("organisation", column)
    for column, words in (("kind", KINDS), ("formation", FORMATIONS)):
        op.drop_constraint(f"fk_organisation_{column}_organisation_{column}", "organisation")
        known = ", ".join(f"'{word[0]}'" for word in words)
        op.create_check_constraint(op.f(f"ck_organisation_{column}"), "organisation", f"{column} in ({known})")
        op.drop_table(f"organisation_{column}")
