"""Counts and times of requests by route, for Prometheus. Labels are route templates, never paths with ids."""

import os
import time

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REGISTRY = CollectorRegistry()
REQUESTS = Counter("xinxin_requests_total", "Requests answered", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "xinxin_request_seconds", "Time from the first byte of the head to the last of the answer", ["method", "route"], registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


def exposition() -> bytes:
    """The figures of all worker processes when they share a folder (PROMETHEUS_MULTIPROC_DIR), else of this one."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


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
            REQUESTS.labels(method, route, str(status)).inc()
            SECONDS.labels(method, route).observe(time.perf_counter() - started)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, with its outer prefixes."""
    context = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(context, "path", None)
    return str(path) if path else "unmatched"
