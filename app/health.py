"""Is this process alive, and can it serve: for supervisors and load balancers; and its figures for Prometheus."""

import asyncio
import hmac
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.backups import queries as backups_queries
from app.db.session import AsyncSession, Database
from app.db.standby import Standby
from app.errors import AppError, Busy, NotFound, Unauthenticated
from app.jobs import queries as jobs_queries
from app.middleware import metrics
from app.points import queries_freezes
from app.wechat import queries as wechat_queries

router = APIRouter(tags=["服务"])
Measure = Callable[[AsyncSession], Awaitable[Mapping[str, float]]]
_MEASURES: list[Measure] = []
PATIENCE_SECONDS = 3.0
PARTS = ("database", "storage", "jobs", "clock")  # without one of them it is not ready; the others are shown
FULL_RATIO = 0.8
MOST_SKEW_SECONDS = 30.0


class Live(BaseModel):
    model_config = {"json_schema_extra": {"examples": [{"status": "ok"}]}}

    status: str


class Ready(BaseModel):
    """`parts`: `ok` or what is wrong; `dead_jobs`: jobs that failed for good and wait for an operator.

    `redemption_freezes`: areas where redemption stands still because the books do not balance. `wechat_stops`: calls of WeChat's API whose
    quota is used up and that rest, as a rule until midnight in Beijing. `backup`: `none`, or `late` when the last good one or the last good
    restore is older than 26 hours; `disk`: `filling` from 80 % on. The service is ready all the same. `clock`: `skewed` while this
    machine's is more than 30 s away from the database's, which all that expires goes by: such a replica is not ready.
    """

    model_config = {
        "json_schema_extra": {
            "examples": [
                {
                    "status": "ok",
                    "parts": {"database": "ok", "storage": "ok", "jobs": "ok", "wechat": "ok", "backup": "ok", "disk": "ok", "clock": "ok"},
                    "dead_jobs": 0, "redemption_freezes": 0, "wechat_stops": [],
                }
            ]
        }
    }

    status: str
    parts: dict[str, str]
    dead_jobs: int
    redemption_freezes: int
    wechat_stops: list[str]


@router.get("/health/live", summary="进程是否存活")
async def live() -> Live:
    return Live(status="ok")


@router.get("/health/ready", summary="是否可以提供服务")
async def ready(request: Request, response: Response) -> Ready:
    state = request.app.state
    seen, storage = await asyncio.gather(_in_time(_database(state.database)), _sound(state.store.check()))
    wechat = "ok" if state.wechat.reachable else "unavailable"
    disk = "filling" if _disk_ratio(state.settings.data_dir) >= FULL_RATIO else "ok"
    parts = {
        "database": seen.database, "storage": storage, "jobs": seen.jobs, "wechat": wechat, "backup": seen.backup, "disk": disk,
        "clock": "ok" if abs(clock.skew()) <= MOST_SKEW_SECONDS else "skewed",
    }
    good = all(parts[name] == "ok" for name in PARTS)
    response.status_code = 200 if good else 503
    if not good:
        response.headers.update(Busy().headers)
    return Ready(
        status="ok" if good else "unavailable", parts=parts, dead_jobs=seen.dead_jobs, redemption_freezes=seen.freezes,
        wechat_stops=seen.stops,
    )


def measured(measure: Measure) -> None:
    """Registers who reads figures (gauges by name, with labels or without) off the database for /metrics: they are told even while the
    process that acts on them is down. It must be quick, and must not write."""
    if measure not in _MEASURES:
        _MEASURES.append(measure)


@router.get("/metrics", summary="Prometheus 指标", response_class=Response)
async def figures(request: Request) -> Response:
    """Raises NotFound while no token is set."""
    token = request.app.state.settings.metrics_token
    if not token:
        raise NotFound
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Unauthenticated
    told = await asyncio.to_thread(metrics.exposition) + _own(request.app.state) + await _gauges(request.app.state.database)
    return Response(told, media_type="text/plain; version=0.0.4; charset=utf-8")


def _own(state: Any) -> bytes:
    """What this process knows without asking the database: told above all while that is in trouble."""
    ratio = _disk_ratio(state.settings.data_dir)
    return (
        f"# TYPE xinxin_commits_halted gauge\nxinxin_commits_halted {int(state.database.halted)}\n"
        f"# TYPE xinxin_disk_used_ratio gauge\nxinxin_disk_used_ratio {ratio:.4f}\n"
        f"# TYPE xinxin_clock_skew_seconds gauge\nxinxin_clock_skew_seconds {clock.skew():.3f}\n"
        f"# TYPE xinxin_standby_behind_seconds gauge\nxinxin_standby_behind_seconds {_behind(state.standby):.1f}\n"
    ).encode()


def _behind(standby: Standby | None) -> float:
    """Nothing where there is none: what it is behind, the primary reads."""
    return standby.behind if standby else 0.0


def _disk_ratio(folder: Path) -> float:
    """Of the disk with the data folder, and what only root may use counts as used; 0 while there is none."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return 0.0
    return usage.used / max(usage.used + usage.free, 1)


async def _gauges(database: Database) -> bytes:
    """Nothing while the database is away: absent figures are an alarm of their own."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), database.reader() as session:
            found = [reading for measure in _MEASURES for reading in (await measure(session)).items()]
    except (Exception, TimeoutError):
        return b""
    kinds = {name: name.partition("{")[0] for name, _ in found}
    first = {kind: name for name, kind in reversed(kinds.items())}
    return "".join(
        (f"# TYPE {kinds[name]} gauge\n" if first[kinds[name]] == name else "") + f"{name} {value}\n" for name, value in found
    ).encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """States of the database (reachable, writable, its commits coming back), of the queue and of the backups, dead letters, areas where
    redemption stands still, calls of WeChat that rest."""

    database: str
    jobs: str
    dead_jobs: int
    freezes: int
    stops: list[str]
    backup: str = "unknown"


NOTHING_SEEN = Seen("unavailable", "unavailable", 0, 0, [])


async def _in_time(looking: Coroutine[Any, Any, Seen]) -> Seen:
    """A database that says nothing is not waited for, nor is the end of what asked it: cancelling takes a silent connection seconds."""
    asked = asyncio.create_task(looking)
    await asyncio.wait({asked}, timeout=PATIENCE_SECONDS)
    if asked.done():
        return asked.result()
    asked.cancel()
    return NOTHING_SEEN


async def _database(database: Database) -> Seen:
    try:
        async with database.reader() as session:
            connection = await session.connection()
            writable = (await connection.execute(sa.text("select current_setting('transaction_read_only') = 'off'"))).scalar_one()
            counts = await jobs_queries.counts(session)
            freezes, _ = await queries_freezes.counts(session)
            stops = await wechat_queries.stopped_calls(session)
            backup = await backups_queries.state(session)
    except (Exception, TimeoutError):  # whatever is wrong with it, it is not ready
        return NOTHING_SEEN
    if not writable:
        await database.let_go()
    how = "read_only" if not writable else "waiting" if database.halted else "ok"
    return Seen(how, "ok", counts.get("failed", 0), freezes, stops, backup)


async def _sound(check: Any) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check
    except (AppError, TimeoutError) as error:
        return getattr(error, "code", "unavailable")
    return "ok"
