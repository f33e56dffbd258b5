"""Is this process alive, and can it serve: for supervisors and load balancers; and its figures for Prometheus."""

import asyncio
import hmac
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.db.session import AsyncSession
from app.errors import AppError, Busy, NotFound, Unauthenticated
from app.jobs import queries as jobs_queries
from app.middleware import metrics

router = APIRouter(tags=["服务"])
PATIENCE_SECONDS = 3.0
PARTS = ("database", "storage", "jobs")


class Live(BaseModel):
    model_config = {"json_schema_extra": {"examples": [{"status": "ok"}]}}

    status: str


class Ready(BaseModel):
    """`parts`: `ok` or what is wrong; `dead_jobs`: jobs that failed for good and wait for an operator."""

    model_config = {
        "json_schema_extra": {
            "examples": [{"status": "ok", "parts": {"database": "ok", "storage": "ok", "jobs": "ok", "wechat": "ok"}, "dead_jobs": 0}]
        }
    }

    status: str
    parts: dict[str, str]
    dead_jobs: int


@router.get("/health/live", summary="进程是否存活")
async def live() -> Live:
    return Live(status="ok")


@router.get("/health/ready", summary="是否可以提供服务")
async def ready(request: Request, response: Response) -> Ready:
    state = request.app.state
    async with state.database.reader() as session:
        database, jobs, dead = await _database(session)
    storage = await _sound(state.store.check())
    parts = {"database": database, "storage": storage, "jobs": jobs, "wechat": "ok" if state.wechat.reachable else "unavailable"}
    good = all(parts[name] == "ok" for name in PARTS)
    response.status_code = 200 if good else 503
    if not good:
        response.headers.update(Busy().headers)
    return Ready(status="ok" if good else "unavailable", parts=parts, dead_jobs=dead)


@router.get("/metrics", summary="Prometheus 指标", response_class=Response)
async def figures(request: Request) -> Response:
    """Raises NotFound while no token is set."""
    token = request.app.state.settings.metrics_token
    if not token:
        raise NotFound
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise Unauthenticated
    return Response(await asyncio.to_thread(metrics.exposition), media_type="text/plain; version=0.0.4; charset=utf-8")


async def _database(session: AsyncSession) -> tuple[str, str, int]:
    """States of the database (reachable and writable) and of the queue, and the number of dead letters."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            connection = await session.connection()
            writable = (await connection.execute(sa.text("select current_setting('transaction_read_only') = 'off'"))).scalar_one()
            counts = await jobs_queries.counts(session)
    except (Exception, TimeoutError):  # whatever is wrong with it, it is not ready
        return "unavailable", "unavailable", 0
    return ("ok" if writable else "read_only"), "ok", counts.get("failed", 0)


async def _sound(check: Any) -> str:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await check
    except (AppError, TimeoutError) as error:
        return getattr(error, "code", "unavailable")
    return "ok"
