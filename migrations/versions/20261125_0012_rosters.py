"""Rosters: progress, errors, candidates."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# Nullable or with a default, so that the release before this one goes on writing its rows.
UPGRADE = (
    """alter table roster
         add column duplicates integer default 0 not null,
         add column processed integer default 0 not null,
         add column started_at timestamp with time zone,
         add column failed_at timestamp with time zone,
         add column tries integer default 0 not null,
         add constraint ck_roster_progress check (processed between 0 and total and duplicates >= 0 and tries >= 0),
         add constraint ck_roster_failed_rests check (failed_at is null or (started_at is null and status = 'queued'))""",
    """alter table roster_line
         add column extra_sealed bytea,
         add column follow_up varchar(32),
         add column followed_up_at timestamp with time zone,
         add column note_sealed bytea,
         add constraint ck_roster_line_follow_up check (follow_up in ('contacted', 'will_register', 'declined', 'not_ours')),
         add constraint ck_roster_line_follow_up_whole check ((follow_up is null) = (followed_up_at is null)),
         add constraint ck_roster_line_note_of_follow_up check (note_sealed is null or follow_up is not null),
         add constraint uq_roster_line_roster_id_phone_index unique (roster_id, phone_index)""",
    """create table roster_rows (
         roster_id uuid not null,
         sealed bytea not null,
         constraint pk_roster_rows primary key (roster_id),
         constraint fk_roster_rows_roster_id_roster foreign key (roster_id) references roster (id))""",
    """create table roster_errors (
         roster_id uuid not null,
         sealed bytea not null,
         constraint pk_roster_errors primary key (roster_id),
         constraint fk_roster_errors_roster_id_roster foreign key (roster_id) references roster (id))""",
)
DOWNGRADE = (
    "drop table roster_errors",
    "drop table roster_rows",
    """alter table roster_line
         drop constraint uq_roster_line_roster_id_phone_index,
         drop column note_sealed, drop column followed_up_at, drop column follow_up, drop column extra_sealed""",
    """alter table roster
         drop column tries, drop column failed_at, drop column started_at, drop column processed, drop column duplicates""",
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for statement in UPGRADE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for statement in DOWNGRADE:
        op.execute(statement)
