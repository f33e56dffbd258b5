"""Photos that are copies of others, by their files and by how they look: one statement, whose cost hardly grows with what is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import aliased
from sqlmodel import col

from app.db.session import AsyncSession
from app.uploads import prints
from app.uploads.models import Upload
from app.uploads.prints import Form

AT_MOST = 50  # of each photo, the nearest
OTHER = aliased(Upload)
NOTHING = sa.literal(0)


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Another photo, of another thing, that shows the same: `form` (`prints.Form`, the first eight) turns the photo asked about into it.

    `distance` is the number of bits of 256 that differ, 0 where both are the very same file.
    """

    upload_id: UUID
    other_id: UUID
    owner_kind: str
    owner_id: UUID
    distance: int
    form: int
    same_file: bool


async def lookalikes(session: AsyncSession, *, upload_ids: Collection[UUID], within: int = prints.NEAR) -> list[Lookalike]:
    """Photos attached to other things that are the same file or look the same, turned and mirrored ones too; the nearest first.

    For each photo the `AT_MOST` nearest. A photo with too little to see is known again by its file only.
    """
    found = await session.exec(_statement(upload_ids, min(within, prints.NEAR)))
    return [Lookalike(*row) for row in found.all()]


def _statement(upload_ids: Collection[UUID], within: int) -> sa.Select[*tuple[Any, ...]]:
    """Of tables that have just grown the planner knows nothing true, so each step is one look-up in an index for each row of the step
    before: steps are materialized, and what stands behind an `offset` is joined in no other way."""
    ids = sa.cast(list(upload_ids), ARRAY(sa.Uuid))
    chosen = sa.select(col(Upload.id), col(Upload.owner_id), col(Upload.sent_digest)).where(col(Upload.id) == sa.any_(ids))
    asked = chosen.cte("asked").prefix_with("materialized")
    pairs = _same_files(asked).union_all(_near(asked, ids, within)).cte("pairs").prefix_with("materialized")
    pair = (pairs.c.upload_id, pairs.c.other_id)
    once = sa.select(pairs).ext(distinct_on(*pair)).order_by(*pair, *_nearest_first(pairs)).subquery()
    place = sa.func.row_number().over(partition_by=once.c.upload_id, order_by=_nearest_first(once))
    ranked = sa.select(once, place.label("place")).subquery()
    columns = [ranked.c[column.key] for column in pairs.c]
    return sa.select(*columns).where(ranked.c.place <= AT_MOST).order_by(*_nearest_first(ranked), ranked.c.upload_id)


def _nearest_first(pairs: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
    return pairs.c.distance, pairs.c.same_file.desc(), pairs.c.form, pairs.c.other_id


def _same_files(asked: sa.CTE) -> sa.Select[*tuple[Any, ...]]:
    other = _other(asked, col(OTHER.sent_digest) == asked.c.sent_digest)
    return _pair(asked, other, NOTHING, NOTHING, same_file=True).select_from(asked).join(other, sa.true())


def _near(asked: sa.CTE, upload_ids: Any, within: int) -> sa.Select[*tuple[Any, ...]]:
    """By a function of the database, which plans for itself; the form that found a print says how one photo is turned."""
    types: dict[str, Any] = {"upload_id": sa.Uuid, "form": sa.SmallInteger, "other_id": sa.Uuid, "distance": sa.Integer}
    found = sa.func.upload_print_near(upload_ids, within).table_valued(*(sa.column(name, kind) for name, kind in types.items()))
    seen = (
        sa.select(asked.c.id, asked.c.owner_id, found.c.form, found.c.other_id, found.c.distance)
        .select_from(found).join(asked, asked.c.id == found.c.upload_id).cte("seen").prefix_with("materialized")
    )
    other = _other(seen, col(OTHER.id) == seen.c.other_id)
    turned = seen.c.form % sa.literal(int(Form.TRIMMED))
    return _pair(seen, other, seen.c.distance, turned, same_file=False).select_from(seen).join(other, sa.true())


def _other(asked: sa.CTE, known_by: sa.ColumnElement[bool]) -> sa.FromClause:
    """Attached to another thing: an abandoned photo is nobody's, and the photos of one thing are alike by right."""
    elsewhere = sa.and_(
        col(OTHER.id) != asked.c.id, col(OTHER.owner_id).is_not(None), col(OTHER.owner_id).is_distinct_from(asked.c.owner_id),
        col(OTHER.erased_at).is_(None),
    )
    return sa.select(col(OTHER.id), col(OTHER.kind), col(OTHER.owner_id)).where(known_by, elsewhere).offset(0).lateral("other")


def _pair(asked: sa.FromClause, other: sa.FromClause, distance: Any, form: Any, *, same_file: bool) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        asked.c.id.label("upload_id"), other.c.id.label("other_id"), other.c.kind, other.c.owner_id,
        sa.cast(distance, sa.Integer).label("distance"), sa.cast(form, sa.Integer).label("form"), sa.literal(same_file).label("same_file"),
    )
