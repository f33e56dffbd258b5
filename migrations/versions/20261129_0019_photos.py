"""What a photo tells of itself: its original, its size in between, when and where it was taken, and what a copy of it is known by."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BEFORE = """
create or replace function upload_keep() returns trigger language plpgsql as $$
begin
  if new.member_id <> old.member_id or new.width <> old.width or new.height <> old.height then
    raise exception 'the photo of an upload does not change' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if new.image_key is not null and (old.image_key is null or new.image_key <> old.image_key or new.thumb_key <> old.thumb_key) then
    raise exception 'the objects of an upload do not change' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if old.owner_id is not null and new.owner_id is not null and (new.owner_id, new.kind) is distinct from (old.owner_id, old.kind) then
    raise exception 'an attached upload moves to nothing else' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  return new;
end $$
"""

# The further objects do not change either. An erased photo tells nothing any more, whichever release erases it: the one before knows
# none of these columns, and the objects whose keys it leaves behind are swept as those that no row names.
NOW = """
create or replace function upload_keep() returns trigger language plpgsql as $$
begin
  if new.member_id <> old.member_id or new.width <> old.width or new.height <> old.height then
    raise exception 'the photo of an upload does not change' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if new.image_key is not null and (old.image_key is null or new.image_key <> old.image_key or new.thumb_key <> old.thumb_key) then
    raise exception 'the objects of an upload do not change' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if (new.medium_key is not null and new.medium_key is distinct from old.medium_key)
     or (new.original_key is not null and new.original_key is distinct from old.original_key)
     or (new.sent_digest is not null and new.sent_digest is distinct from old.sent_digest) then
    raise exception 'the objects of an upload do not change' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if old.owner_id is not null and new.owner_id is not null and (new.owner_id, new.kind) is distinct from (old.owner_id, old.kind) then
    raise exception 'an attached upload moves to nothing else' using errcode = 'check_violation', constraint = 'upload_keep';
  end if;
  if new.erased_at is not null then
    new.medium_key := null; new.original_key := null; new.original_type := null; new.sent_digest := null; new.taken_sealed := null;
    delete from upload_print where upload_id = new.id;
  end if;
  return new;
end $$
"""

# What the index finds a print by: 18 of its bits at each of 16 places, evenly spread, with the place.
BANDS = ", ".join(f"{place << 18} | substring(%s from {place * 238 // 15 + 1} for 18)::int" for place in range(16))

# One look-up in the index for each print of the photos asked about, whatever the planner believes: to its mind any overlap of arrays is
# met by one row in a hundred, and then reading the table from end to end, once for each print, seems about as good; so do more processes.
NEAR = f"""
create function upload_print_near(asked uuid[], within int) returns table (upload_id uuid, form smallint, other_id uuid, distance int)
language sql stable set enable_seqscan = off set max_parallel_workers_per_gather = 0 as $$
  select mine.upload_id, mine.form, other.upload_id, bit_count(mine.hash # other.hash)::int
  from upload_print mine
  join upload_print other on other.form in (0, 8)
    and array[{BANDS.replace("%s", "other.hash")}] && array[{BANDS.replace("%s", "mine.hash")}]
  where mine.upload_id = any (asked) and other.upload_id <> mine.upload_id and bit_count(mine.hash # other.hash) <= within
$$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("upload", sa.Column("medium_key", sa.String(64), nullable=True))
    op.add_column("upload", sa.Column("original_key", sa.String(64), nullable=True))
    op.add_column("upload", sa.Column("original_type", sa.String(32), nullable=True))
    op.add_column("upload", sa.Column("sent_digest", sa.LargeBinary(), nullable=True))
    op.add_column("upload", sa.Column("taken_sealed", sa.LargeBinary(), nullable=True))
    op.create_unique_constraint(op.f("uq_upload_medium_key"), "upload", ["medium_key"])
    op.create_unique_constraint(op.f("uq_upload_original_key"), "upload", ["original_key"])
    op.create_check_constraint(op.f("ck_upload_original_whole"), "upload", "num_nulls(original_key, original_type) in (0, 2)")
    op.create_check_constraint(op.f("ck_upload_sent_digest"), "upload", "octet_length(sent_digest) = 32")
    op.create_check_constraint(
        op.f("ck_upload_erased_tells_nothing"), "upload",
        "erased_at is null or num_nonnulls(medium_key, original_key, sent_digest, taken_sealed) = 0",
    )
    op.create_index(op.f("ix_upload_sent_digest"), "upload", ["sent_digest"], postgresql_where=sa.text("sent_digest is not null"))
    op.create_table(
        "upload_print",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.SmallInteger(), nullable=False),
        sa.Column("hash", BIT(256), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "form", name=op.f("pk_upload_print")),
        sa.ForeignKeyConstraint(["upload_id"], ["upload.id"], name=op.f("fk_upload_print_upload_id_upload"), ondelete="CASCADE"),
        sa.CheckConstraint("form between 0 and 8", name=op.f("ck_upload_print_form")),
    )
    # Without a list of what waits for its place in the index: every look-up would read it from end to end.
    op.create_index(
        op.f("ix_upload_print_bands"), "upload_print", [sa.text(f"(array[{BANDS.replace('%s', 'hash')}])")], postgresql_using="gin",
        postgresql_with={"fastupdate": "off"}, postgresql_where=sa.text("form in (0, 8)"),
    )
    op.execute(NEAR)
    op.execute(NOW)


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(BEFORE)
    op.execute("drop function upload_print_near")
    op.drop_table("upload_print")
    op.drop_index(op.f("ix_upload_sent_digest"), table_name="upload")
    op.drop_constraint(op.f("ck_upload_erased_tells_nothing"), "upload")
    op.drop_constraint(op.f("ck_upload_sent_digest"), "upload")
    op.drop_constraint(op.f("ck_upload_original_whole"), "upload")
    op.drop_constraint(op.f("uq_upload_original_key"), "upload")
    op.drop_constraint(op.f("uq_upload_medium_key"), "upload")
    for name in ("taken_sealed", "sent_digest", "original_type", "original_key", "medium_key"):
        op.drop_column("upload", name)
