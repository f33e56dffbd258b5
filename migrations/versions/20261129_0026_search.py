"""Searching sealed sentences: keyed pairs of characters beside each report, and reports by the end of their number."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# Each report has a row from its first moment, and no release can leave pairs of words that are gone: what was changed is due to be made
# again, what was emptied is empty in the same statement.
FOLLOW = """
create function report_gram_follow() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into report_gram (report_id) values (new.id);
  elsif new.description_sealed is null or (new.address_sealed is null and old.address_sealed is not null) then
    update report_gram set grams = '{}', made_under = null where report_id = new.id;
  else
    update report_gram set made_under = null where report_id = new.id;
  end if;
  return null;
end $$
"""
BEGIN = "create trigger report_gram_begin after insert on report for each row execute function report_gram_follow()"
CHANGE = """
create trigger report_gram_follow after update of description_sealed, address_sealed on report for each row
  when (new.description_sealed is distinct from old.description_sealed or new.address_sealed is distinct from old.address_sealed)
  execute function report_gram_follow()
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "report_gram",
        sa.Column(
            "report_id", sa.Uuid(), sa.ForeignKey("report.id", name=op.f("fk_report_gram_report_id_report"), ondelete="cascade"),
            nullable=False,
        ),
        sa.Column("grams", ARRAY(sa.BigInteger()), server_default="{}", nullable=False),
        sa.Column("made_under", sa.String(40), nullable=True),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_report_gram")),
    )
    op.execute(FOLLOW)
    op.execute(BEGIN)
    op.execute(CHANGE)
    op.execute("insert into report_gram (report_id) select id from report")
    op.create_index("ix_report_gram_grams", "report_gram", ["grams"], postgresql_using="gin")
    op.create_index("ix_report_gram_due", "report_gram", ["report_id"], postgresql_where=sa.text("made_under is null"))
    # There are many more pairs of characters than the usual statistics know: a rare one would be guessed too common for the index.
    op.execute("alter table report_gram alter column grams set statistics 500")
    op.create_index("ix_report_number_tail", "report", [sa.text("right(number, 6)")])


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("ix_report_number_tail", table_name="report")
    op.execute("drop trigger report_gram_follow on report")
    op.execute("drop trigger report_gram_begin on report")
    op.execute("drop function report_gram_follow()")
    op.drop_table("report_gram")
