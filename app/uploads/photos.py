"""The photos of a thing as part of the statement that reads it."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlmodel import col

from app.db.base import known_id
from app.uploads.models import Checked, Upload


class Photo(NamedTuple):
    """What answers tell of a photo."""

    id: UUID
    member_id: UUID
    kind: str
    checked: Checked
    width: int
    height: int


def photos_of(owner_id: Any) -> sa.ScalarSelect[Any]:
    """The photos of whatever stands in a column, in the order of `queries.photos`; null where it has none."""
    told = [sa.cast(col(getattr(Upload, name)), sa.Text) for name in ("id", "member_id", "kind", "checked")]
    photo = sa.func.jsonb_build_array(*told, col(Upload.width), col(Upload.height))
    ordered = aggregate_order_by(photo, col(Upload.kind), col(Upload.attached_at), col(Upload.position))
    shown = sa.select(sa.func.jsonb_agg(ordered, type_=JSONB)).where(col(Upload.owner_id) == owner_id, col(Upload.erased_at).is_(None))
    return shown.scalar_subquery()


def read(found: Sequence[Sequence[Any]] | None) -> list[Photo]:
    """What `photos_of` gave."""
    return [
        Photo(known_id(photo_id), known_id(member_id), kind, Checked(checked), width, height)
        for photo_id, member_id, kind, checked, width, height in found or ()
    ]
