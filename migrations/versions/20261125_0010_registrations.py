"""Registrations: their history, six-month dates, contact cards."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COMMANDS = "'update', 'withdraw', 'approve', 'return', 'reject', 'transfer', 'contacts', 'contact-person', 'create', 'close'"
STATUSES = "'pending', 'returned', 'approved', 'active', 'rejected', 'withdrawn'"
ROLES = "'member', 'secretary', 'contact', 'system'"
MATCHES = "'scanned', 'work_area', 'enterprise', 'trade', 'tenant', 'root_committee'"
TRIGGER = (
    "create trigger tg_registration_event_append_only before update or delete or truncate on registration_event"
    " for each statement execute function refuse_change()"
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    _columns()
    _history()
    _contact_persons()


def _columns() -> None:
    """What the previous release writes still fits: all of it may be null."""
    op.add_column("registration", sa.Column("matched_by", sa.String(32)))
    op.create_check_constraint(op.f("ck_registration_matched_by"), "registration", f"matched_by in ({MATCHES})")
    op.add_column("registration", sa.Column("six_months_on", sa.Date()))
    op.create_index("ix_registration_six_months", "registration", ["six_months_on"], postgresql_where=sa.text("six_months_on is not null"))
    op.create_index(
        op.f("ix_registration_contact_account_id_id"), "registration", ["contact_account_id", "id"],
        postgresql_where=sa.text("contact_account_id is not null"),
    )
    op.add_column("registration_contact", sa.Column("made_as", sa.String(32)))
    op.create_check_constraint(op.f("ck_registration_contact_made_as"), "registration_contact", f"made_as in ({ROLES})")


def _history() -> None:
    op.create_table(
        "registration_text",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_text")),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_registration_text_registration_id_registration")
        ),
    )
    op.create_index(op.f("ix_registration_text_registration_id"), "registration_text", ["registration_id"])
    op.create_table(
        "registration_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("command", sa.String(32), nullable=False),
        sa.Column("from_status", sa.String(32)),
        sa.Column("to_status", sa.String(32), nullable=False),
        sa.Column("organisation_id", sa.Uuid()),
        sa.Column("from_organisation_id", sa.Uuid()),
        sa.Column("actor_role", sa.String(32), nullable=False),
        sa.Column("reason_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_event")),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_registration_event_registration_id_registration")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_registration_event_organisation_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["from_organisation_id"], ["organisation.id"], name=op.f("fk_registration_event_from_organisation_id_organisation")
        ),
        sa.CheckConstraint(f"command in ({COMMANDS})", name=op.f("ck_registration_event_command")),
        sa.CheckConstraint(f"from_status in ({STATUSES})", name=op.f("ck_registration_event_from_status")),
        sa.CheckConstraint(f"to_status in ({STATUSES})", name=op.f("ck_registration_event_to_status")),
        sa.CheckConstraint(f"actor_role in ({ROLES})", name=op.f("ck_registration_event_actor_role")),
    )
    op.create_index(op.f("ix_registration_event_registration_id_id"), "registration_event", ["registration_id", "id"])
    op.execute(TRIGGER)


def _contact_persons() -> None:
    op.create_table(
        "registration_contact_card",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.String(32), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_registration_contact_card")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_registration_contact_card_account_id_account")),
        sa.CheckConstraint("phone in ('office', 'own', 'none')", name=op.f("ck_registration_contact_card_phone")),
    )
    op.create_table(
        "registration_reminder",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account_id", sa.Uuid()),
        sa.Column("day", sa.Date()),
        sa.Column("registration_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_reminder")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_registration_reminder_account_id_account")),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_registration_reminder_registration_id_registration")
        ),
        sa.CheckConstraint(
            "kind in ('due', 'overdue', 'waiting', 'headless', 'contact_left', 'six_months')", name=op.f("ck_registration_reminder_kind")
        ),
        sa.CheckConstraint("num_nonnulls(account_id, day) = case when registration_id is null then 2 else 0 end", name=op.f(
            "ck_registration_reminder_daily_or_once"
        )),
    )
    op.create_index(
        "uq_registration_reminder_daily", "registration_reminder", ["account_id", "kind", "day"], unique=True,
        postgresql_where=sa.text("registration_id is null"),
    )
    op.create_index(
        "uq_registration_reminder_once", "registration_reminder", ["registration_id", "kind"], unique=True,
        postgresql_where=sa.text("registration_id is not null"),
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in ("registration_reminder", "registration_contact_card", "registration_event", "registration_text"):
        op.drop_table(table)
    op.drop_column("registration_contact", "made_as")
    op.drop_index(op.f("ix_registration_contact_account_id_id"), "registration")
    for column in ("six_months_on", "matched_by"):
        op.drop_column("registration", column)
