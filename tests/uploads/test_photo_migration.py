"""The migration of photos over data of the release before, down and up again."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection

from app.db import migrate
from app.db import session as db_session
from tests.conftest import new_database

OLD = sa.text(
    "with who as (insert into account (id, kind, username, status, version)"
    " values (gen_random_uuid(), 'console', :name, 'active', 1) returning id)"
    " insert into upload (id, member_id, image_key, thumb_key, content_type, width, height, size_bytes, checked)"
    " select gen_random_uuid(), id, :name, :name || 't', 'image/jpeg', 9, 9, 9, 'pending' from who"
)
NEW = sa.text(
    "insert into upload (id, member_id, image_key, thumb_key, content_type, width, height, size_bytes, checked, original_key,"
    " original_type, sent_digest) select gen_random_uuid(), member_id, 'n', 'nt', content_type, width, height, size_bytes, checked, 'o',"
    " 'image/png', sha256('x') from upload limit 1"
)
# What the release before writes when it erases: it names two keys.
ERASE = sa.text("update upload set image_key = null, thumb_key = null, erased_at = now()")


def to(revision: str, *, down: bool = False):
    def run(connection: Connection) -> None:
        config = migrate.configuration()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)

    return run


async def test_old_photos_stay_and_the_release_before_goes_on_writing(worker_id: str) -> None:
    url = await new_database(f"xinxin_photos_{worker_id}")
    database = db_session.connect(url, info={}, pool_size=1, statement_timeout_ms=60_000, role=None)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(to("0018"))
            await connection.execute(OLD, {"name": uuid4().hex})
            await connection.run_sync(to("0019"))
            await connection.execute(OLD, {"name": uuid4().hex})
            await connection.execute(NEW)
            await connection.execute(ERASE)
            found = await connection.execute(sa.text("select count(*), count(original_key), count(sent_digest) from upload"))
            assert tuple(found.one()) == (3, 0, 0)
            await connection.run_sync(to("0018", down=True))
            await connection.execute(OLD, {"name": uuid4().hex})
            await connection.run_sync(to("0019"))
            assert (await connection.execute(sa.text("select count(*) from upload"))).scalar_one() == 4
    finally:
        await database.close()
