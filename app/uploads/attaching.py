"""A member's own photos become those of a thing: looked at, locked and written in one statement."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from app.db.prepared import Prepared
from app.db.session import AsyncSession
from app.errors import NotFound
from app.uploads.errors import UploadAlreadyUsed
from app.uploads.models import Checked

# Locked in the order of their ids; then all of them are written, at one instant, or none.
PUT = Prepared(
    sa.text("""
with mine as materialized (
    select id, owner_id, checked from upload
    where id = any(:ids) and member_id = :member_id and erased_at is null order by id for update
), state as materialized (
    select count(*) as found, count(owner_id) as taken, clock_timestamp() as now from mine
), put as (
    update upload
    set kind = :kind, owner_id = :owner_id, position = array_position(:ids, upload.id) - 1, attached_at = state.now
    from state, mine
    where upload.id = mine.id and state.found = cardinality(:ids) and state.taken = 0
)
select state.found, state.taken, mine.id, mine.checked from state left join mine on true""")
    .bindparams(
        sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid)), sa.bindparam("member_id", type_=sa.Uuid), sa.bindparam("kind", type_=sa.Text),
        sa.bindparam("owner_id", type_=sa.Uuid),
    )
)


async def put(
    session: AsyncSession, upload_ids: Sequence[UUID], *, member_id: UUID, kind: str, owner_id: UUID
) -> list[tuple[UUID, Checked]]:
    """What was said of each by its check, in the order given. Raises NotFound, UploadAlreadyUsed."""
    rows = await PUT.all(session, ids=list(upload_ids), member_id=member_id, kind=kind, owner_id=owner_id)
    if rows[0]["found"] != len(upload_ids):
        raise NotFound("照片不存在、已过期，或不是您上传的")
    if rows[0]["taken"]:
        raise UploadAlreadyUsed
    checked = {row["id"]: Checked(row["checked"]) for row in rows}
    return [(upload_id, checked[upload_id]) for upload_id in upload_ids]
