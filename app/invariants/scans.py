"""What a check is: a condition over the rows of one scan. Checks of the same rows share one pass over the big tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class About(StrEnum):
    """Whom an offending row concerns: that is where its area is found. Nobody in particular: every tenant."""

    MEMBER = "member"
    STORE = "store"
    REWARD = "reward"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Check:
    """`bad`: the condition that no row of the scan may fulfil; `id` names the row, `subject` whom it concerns. SQL over the scan's columns.

    `means` is the invariant in a sentence, `title` what an administrator reads when it is broken.
    """

    code: str
    means: str
    title: str
    scan: "Scan"
    bad: str
    id: str
    about: About = About.MEMBER
    subject: str = "null::uuid"

    @property
    def sql(self) -> str:
        """The ids of the offending rows."""
        return f"select id from ({self.relation}) as found"

    @property
    def relation(self) -> str:
        """(id, subject) of the offending rows."""
        assert isinstance(self.scan, Rows)
        return f"select ({self.id})::text as id, {self.subject} as subject from ({self.scan.sql}) as s where {self.bad}"


@dataclass(frozen=True, slots=True)
class Figure:
    """How many rows a check looked at, how many break it."""

    rows: int
    broken: int


Relation = tuple[str, Mapping[str, Any]]


class Scan(Protocol):
    async def figures(self, connection: AsyncConnection, info: Mapping[str, Any], checks: Sequence[Check]) -> list[Figure]: ...

    async def offending(self, connection: AsyncConnection, info: Mapping[str, Any], check: Check) -> Relation:
        """SQL with the columns (id, subject), and its parameters."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a query. `counted` is the SQL for how many were looked at, where a row stands for several."""

    sql: str
    counted: str = "count(*)"

    async def figures(self, connection: AsyncConnection, info: Mapping[str, Any], checks: Sequence[Check]) -> list[Figure]:
        broken = ", ".join(f"count(*) filter (where {check.bad})" for check in checks)
        found = (await connection.execute(sa.text(f"select coalesce({self.counted}, 0)::bigint, {broken} from ({self.sql}) as s"))).one()
        return [Figure(int(found[0]), int(one)) for one in found[1:]]

    async def offending(self, connection: AsyncConnection, info: Mapping[str, Any], check: Check) -> Relation:
        return check.relation, {}
