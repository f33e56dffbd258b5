"""Counts, times and one log line of each request, by route. Labels are route templates, never paths with ids."""

import os
import re
import time
from functools import cache
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.figures import REGISTRY, route_of
from app.observability import get_logger

log = get_logger(__name__)

REQUESTS = Counter("xinxin_requests_total", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "xinxin_request_seconds", "Time from the first byte of the head to the last of the answer", ["method", "route", "class"],
    registry=REGISTRY, buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LIVE = re.compile(r"gauge_live[a-z]*_(\d+)\.db")
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def exposition() -> bytes:
    """The figures of all worker processes when they share a folder (PROMETHEUS_MULTIPROC_DIR), else of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    _forget_the_dead(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def _forget_the_dead(folder: Path) -> None:
    """What was counted stays; the pool and the memory of a process that is gone, killed perhaps, are no more."""
    for path in folder.glob("gauge_live*.db"):
        found = LIVE.fullmatch(path.name)
        if found and not Path("/proc", found[1]).exists():
            path.unlink(missing_ok=True)


@cache
def _of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """As many as the registry keeps anyway."""
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route, f"{status // 100}xx")


class Metrics:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            route, method = route_of(scope), scope["method"] if scope["method"] in METHODS else "other"
            seconds = time.perf_counter() - started
            requests, times = _of(method, route, status)
            requests.inc()
            times.observe(seconds)
            log.info("request.served", method=method, route=route, status=status, ms=round(seconds * 1000, 1))
