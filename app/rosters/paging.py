"""Pages of candidates: they stand in two groups, so a cursor says in which one it lies."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from app import pagination
from app.errors import ValidationFailed
from app.pagination import MAX_LIMIT
from app.rosters.workflow import LineState

GROUPS = {"u": LineState.UNDECLARED, "n": LineState.NOT_REGISTERED}
LETTERS = {state: letter for letter, state in GROUPS.items()}


class CandidateQuery:
    """`limit`, and group and id of the line after which the page begins."""

    def __init__(self, limit: int, after: tuple[LineState, UUID] | None) -> None:
        self.limit = limit
        self.after = after


async def candidate_query(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 20, cursor: Annotated[str | None, Query(max_length=64)] = None
) -> CandidateQuery:
    return CandidateQuery(limit, None if cursor is None else decode(cursor))


def encode(state: LineState, last: UUID) -> str:
    return LETTERS[state] + pagination.encode(last)


def decode(cursor: str) -> tuple[LineState, UUID]:
    """Raises ValidationFailed for a cursor that no page gave out."""
    group = GROUPS.get(cursor[:1])
    if group is None:
        raise ValidationFailed.of("query", "cursor", msg="不是有效的游标", kind="cursor")
    return group, pagination.decode(cursor[1:])


CandidatePaging = Annotated[CandidateQuery, Depends(candidate_query)]
