"""Rules and reference data of uploads: what create-table cannot say."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A photo belongs to one person and shows one thing: neither a slip in the code nor a hand at the console moves it to another.
KEEP = """
create function upload_keep() returns trigger language plpgsql as $$
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


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(KEEP)
    op.execute("create trigger upload_keep before update on upload for each row execute function upload_keep()")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger upload_keep on upload")
    op.execute("drop function upload_keep()")
