"""Running the checks on one snapshot, and what follows when one is broken: redemption stands still there until somebody has looked."""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.areas import queries as areas_queries
from app.auth.principal import Principal
from app.db import acting
from app.db.acting import Reason
from app.db.session import AsyncSession, Database
from app.errors import Conflict
from app.invariants import workflow
from app.invariants.checks import BY_CODE, CHECKS, SCANS
from app.invariants.scans import About, Check, Figure, Scan
from app.invariants.workflow import Found, Place
from app.points import freezing
from app.points.models_freezes import PointsFreeze

# A pass over a large table wants to aggregate in memory, and takes longer than any request may.
SETTINGS = (
    "set local statement_timeout = '600s'", "set local idle_in_transaction_session_timeout = '600s'", "set local work_mem = '128MB'",
    "set local max_parallel_workers_per_gather = 0", "set local jit = off",
)
# Somebody may hold a freeze while lifting it, which takes a pass.
PATIENCE = ("set local lock_timeout = '60s'", "set local statement_timeout = '60s'")
AREAS = {
    About.MEMBER: "left join member p on p.id = v.subject", About.STORE: "left join store p on p.id = v.subject",
    About.REWARD: "left join reward_store p on p.reward_id = v.subject", About.NOBODY: "cross join (select null as area_path) p",
}
GROUPED = """
select area_path, lost, count(*), array_agg(id order by id) filter (where turn <= :sample) from (
  select v.id, p.area_path, v.subject is null as lost, row_number() over (partition by p.area_path, v.subject is null order by v.id) as turn
    from ({relation}) v {areas}) found group by area_path, lost"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check has found. `seconds` are those of its pass, which other checks may share. `error`: it could not be made, and why."""

    check: Check
    rows: int
    broken: int
    seconds: float
    places: Sequence[Place] = field(default_factory=tuple)
    error: str | None = None

    @property
    def sample(self) -> list[str]:
        return sorted({one for place in self.places for one in place.sample})[: workflow.SAMPLE]


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken invariant, or one that could not be checked: how many rows break it, and one of them."""

    invariant: str
    count: int
    sample: str


async def check_all(database: Database) -> list[Finding]:
    """Every broken invariant, judged on one snapshot: writes that go on meanwhile cannot mislead it."""
    return [
        Finding(f"{result.check.code} {result.check.means}", result.broken, result.error or next(iter(result.sample), ""))
        for result in await examine(database) if result.broken or result.error
    ]


async def examine(database: Database, *, checks: Collection[Check] = CHECKS, lanes: int = 1) -> list[Result]:
    """Every check on one snapshot, in the order of the list. `lanes` connections share the passes out among them."""
    scans = deque(scan for scan in SCANS if any(check.scan is scan for check in checks))
    found: list[Result] = []

    async def run(connection: AsyncConnection) -> None:
        while scans:
            scan = scans.popleft()
            found.extend(await _pass(connection, database.info, scan, [check for check in checks if check.scan is scan]))

    async with database.snapshot(lanes) as connections:
        for connection in connections:
            await _prepare(connection)
        async with asyncio.TaskGroup() as lanes_at_work:
            for connection in connections:
                lanes_at_work.create_task(run(connection))
    return sorted(found, key=lambda result: CHECKS.index(result.check))


async def react(database: Database, results: Sequence[Result]) -> None:
    """Stops redemption where a check is broken, and notes where it holds again. Run twice, or by two processes, it changes nothing more.

    What names nobody stops a whole tenant: it does so only where no other check has found the row that it comes from.
    """
    named = any(result.places for result in results if result.check.about is not About.NOBODY)
    for result in results:
        if result.error or (named and result.check.about is About.NOBODY):
            continue
        async with database.transaction() as session:
            for patience in PATIENCE:
                await session.exec(sa.text(patience))
            for place in result.places:
                await freezing.freeze(
                    session, area_path=place.area_path, invariant=result.check.code, title=result.check.title, count=place.count,
                    sample=place.sample,
                )
            await freezing.note_clean(session, invariant=result.check.code, but=[place.area_path for place in result.places])


async def lift(session: AsyncSession, *, principal: Principal, freeze_id: UUID, seen: int | None, note: str) -> PointsFreeze:
    """Lets redemption go on in an area, after a look whether the invariant holds there again.

    Raises NotFound, Forbidden, VersionMismatch, InvalidTransition when lifted before, Conflict while it is still broken.
    """
    freeze = await freezing.take(session, principal=principal, freeze_id=freeze_id, seen=seen)
    check = BY_CODE.get(freeze.invariant)
    await acting.as_service(session, Reason.BOOKS)
    if check is not None and await _broken_at(session, check, freeze.area_path):
        raise Conflict("账目仍不一致，查明更正后才能解除")
    await freezing.lift(session, freeze, principal=principal, note=note)
    return freeze


async def _broken_at(session: AsyncSession, check: Check, area_path: str) -> bool:
    connection = await session.connection()
    await _prepare(connection)
    [result] = await _pass(connection, session.info, check.scan, [check])
    return result.error is not None or workflow.overlap(area_path, [place.area_path for place in result.places])


async def _prepare(connection: AsyncConnection) -> None:
    for setting in SETTINGS:
        await connection.exec_driver_sql(setting)


async def _pass(connection: AsyncConnection, info: Mapping[str, Any], scan: Scan, checks: Sequence[Check]) -> list[Result]:
    """One pass over the rows of a scan. One that fails leaves the others their snapshot."""
    begun = time.perf_counter()
    try:
        async with connection.begin_nested():
            figures = await scan.figures(connection, info, checks)
            seconds = time.perf_counter() - begun
            return [await _result(connection, info, check, figure, seconds) for check, figure in zip(checks, figures, strict=True)]
    except (DBAPIError, LookupError, ValueError) as error:
        seconds, kind = time.perf_counter() - begun, type(getattr(error, "orig", error)).__name__
        return [Result(check, 0, 0, seconds, error=kind) for check in checks]


async def _result(connection: AsyncConnection, info: Mapping[str, Any], check: Check, figure: Figure, seconds: float) -> Result:
    places: list[Place] = []
    if figure.broken:
        relation, parameters = await check.scan.offending(connection, info, check)
        statement = sa.text(GROUPED.format(relation=relation, areas=AREAS[check.about]))
        rows = (await connection.execute(statement, {"sample": workflow.SAMPLE, **parameters})).all()
        found = [Found(area_path, lost, count, tuple(sample)) for area_path, lost, count, sample in rows]
        places = workflow.places(found, await _tenants(connection))
    return Result(check, figure.rows, figure.broken, seconds, places)


async def _tenants(connection: AsyncConnection) -> list[str]:
    async with AsyncSession(connection, join_transaction_mode="create_savepoint") as session:
        return [area.path for area in await areas_queries.tenants(session)]
