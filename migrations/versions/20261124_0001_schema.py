"""Every table, as it stands in the SQL file beside this one."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = Path(__file__).with_suffix(".sql")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for statement in SCHEMA.read_text().split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for line in reversed(SCHEMA.read_text().splitlines()):
        if line.startswith("CREATE TABLE "):
            op.execute(f"drop table {line.split()[2]}")
