"""Keyset pages: newest first by UUIDv7 id, so that a page costs the same at the start and at the end of a list."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from app.errors import ValidationFailed

Item = TypeVar("Item")
Row = TypeVar("Row")
DEFAULT_LIMIT, MAX_LIMIT = 20, 100


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null at the end."""

    model_config = ConfigDict(extra="forbid")

    items: list[Item]
    next_cursor: str | None


class PageQuery:
    """`limit` and the id after which the page begins (`after`, exclusive; None at the start)."""

    def __init__(self, limit: int, after: UUID | None) -> None:
        self.limit = limit
        self.after = after

    def cut(self, rows: Sequence[Row], key: Callable[[Row], UUID]) -> tuple[list[Row], str | None]:
        """Splits `limit + 1` rows into the page and the cursor of the next one."""
        page = list(rows[: self.limit])
        return page, encode(key(page[-1])) if len(rows) > self.limit else None


def encode(last: UUID) -> str:
    return base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def decode(cursor: str) -> UUID:
    """Raises ValidationFailed for a cursor that no page gave out."""
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise ValidationFailed.of("query", "cursor", msg="不是有效的游标", kind="cursor") from error


async def page_query(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT, cursor: Annotated[str | None, Query(max_length=64)] = None
) -> PageQuery:
    return PageQuery(limit, None if cursor is None else decode(cursor))


# How many of the nearest things a search around a point gives; such a list has one page.
Nearest = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="最多返回几条", examples=[20])]
Paging = Annotated[PageQuery, Depends(page_query)]


def page_of(items: list[Any], next_cursor: str | None) -> dict[str, Any]:
    return {"items": items, "next_cursor": next_cursor}
