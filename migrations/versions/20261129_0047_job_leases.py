"""Leases of jobs: who works on a job holds a number that grows with every taking, and what killed its workers is counted."""

from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        "alter table jobs.pgqueuer add column lease bigint not null default 0, add column crashes smallint not null default 0,"
        " add constraint ck_pgqueuer_lease check (lease >= 0), add constraint ck_pgqueuer_crashes check (crashes >= 0)"
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("alter table jobs.pgqueuer drop column crashes, drop column lease")
