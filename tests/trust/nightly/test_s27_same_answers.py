"""S27: the second wall changes nothing that the first one lets through.

Each cell of the access table that lets somebody through is asked twice, with row security and without it: the same status, the same answer,
the same number of rows in every table. A sum over rows that the caller does not see would differ here, and nowhere else.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.access.estate import Estate
from tests.access.ground import asked, estate, ground
from tests.access.matrix import whole
from tests.access.requests import Request
from tests.access.table import TABLE
from tests.support.owner import as_owner
from tests.support.traces import undone
from tests.trust.plugin import Measure

__all__ = ["asked", "estate", "ground"]
TABLES = sa.text("select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1")
# What differs from one asking to the next: drawn ids, instants, codes, tokens, and numbers that a sequence gives.
DRAWN = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+\d\d:\d\d)?|\b[A-Z]\d{6,}-?\d*\b|[A-Za-z0-9_-]{24,}"
    r"|\b(?=[a-z0-9]*\d)[a-z0-9]{12}\b|wxaurl\.cn/[\w-]+|(?<![0-9A-Z])[0-9A-Z]{4}(-[0-9A-Z]{4}){1,3}"
)
BLIND = "create or replace function acting_persons() returns uuid[] language sql stable parallel safe as $$ select '{}'::uuid[] $$"
DOWN = "create or replace function acting_freely() returns boolean language sql stable parallel safe as $$ select true $$"


def plain(answer: httpx.Response) -> str:
    kind = answer.headers.get("content-type", "")
    return DRAWN.sub("*", answer.text) if "json" in kind or "html" in kind or "text" in kind else kind


async def rows(estate: Estate) -> dict[str, int]:
    """How many there are of each table."""
    tables = list((await estate.connection.execute(TABLES)).scalars())
    counts = sa.text("select " + ", ".join(f'(select count(*) from "{table}")' for table in tables))
    return dict(zip(tables, (await estate.connection.execute(counts)).one(), strict=True))


@asynccontextmanager
async def without_the_wall(estate: Estate) -> AsyncIterator[None]:
    async with undone(estate.connection):
        async with as_owner(estate.connection):
            await estate.connection.execute(sa.text(DOWN))
        yield


async def asked_once(estate: Estate, request: Request, who: str) -> tuple[Any, ...]:
    answer = await request.send(estate, who)
    return answer.status_code, plain(answer), {} if request.method == "GET" else await rows(estate)


def around(text: str, other: str) -> str:
    """Where it begins to differ."""
    at = next((place for place, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0)
    return text[max(at - 60, 0) : at + 60]


async def differing(estate: Estate, cells: list[tuple[Request, str]]) -> list[str]:
    found = []
    for request, who in cells:
        async with undone(estate.connection):
            walled = await asked_once(estate, request, who)
        async with without_the_wall(estate):
            bare = await asked_once(estate, request, who)
        if walled != bare:
            tables = {name for name in walled[2] if walled[2][name] != bare[2].get(name)}
            seen, would_be = around(walled[1], bare[1]), around(bare[1], walled[1])
            found.append(f"{request.name} by {who}: {walled[0]} {seen} | {bare[0]} {would_be} {tables or ''}")
    return found


def allowed(estate: Estate, asked: list[Request]) -> list[tuple[Request, str]]:
    return [(request, who) for request, who in whole(estate, asked) if who in TABLE[request.name].may]


@pytest.mark.check("S27")
async def test_the_second_wall_changes_no_answer_of_the_first(estate: Estate, asked: list[Request], measured: Measure) -> None:
    cells = allowed(estate, asked)
    found = await differing(estate, cells)
    measured("cells asked twice", len(cells))
    measured("answers that differ", len(found))
    assert not found, f"{len(found)} cells:\n" + "\n".join(found[:80])


@pytest.mark.variant("S27")
async def test_a_wall_that_hides_too_much_would_be_seen(estate: Estate, asked: list[Request]) -> None:
    mine = [cell for cell in allowed(estate, asked) if cell[0].name in ("GET /points/me", "POST /redemptions") and cell[1] == "rider@own"]
    async with as_owner(estate.connection):
        await estate.connection.execute(sa.text(BLIND))
    assert len(await differing(estate, mine)) == len(mine) == 2
