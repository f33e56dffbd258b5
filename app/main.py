"""The API's application, built from its parts. `app/serving.py` runs it."""

import gc
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from uvicorn.config import STARTUP_FAILURE
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import api, documents, observability, parts, ports, problems, tracing
from app.auth import routing
from app.directory import Directory
from app.middleware.limits import Limits
from app.middleware.method_override import MethodOverride
from app.middleware.metrics import Metrics
from app.middleware.request_id import RequestId
from app.middleware.traces import Traces
from app.process import end_with_parent, prepared
from app.settings import Settings
from app.uploads import darkroom

# FastAPI's own would tell what exceptions say, whole addresses, and to whom the environment names.
UNTOLD: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False}
COLLECT_AFTER = 20_000  # new objects
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(settings: Settings, life: Lifespan | None = None) -> FastAPI:
    """The application without its parts; `life` (or a test) puts `database`, `wechat` and `store` into `app.state`."""
    made = FastAPI(
        title="新新 Xinxin", version=documents.VERSION, summary=documents.SUMMARY, lifespan=life, docs_url=None, redoc_url=None,
        openapi_url=None, separate_input_output_schemas=False, redirect_slashes=False, telemetry=UNTOLD,
    )
    made.state.settings, made.state.standby = settings, None
    problems.install(made)
    api.include_routers(made)
    if not settings.production:
        documents.install(made)
    made.router.middleware_stack = Directory(made.router.middleware_stack, made.routes)
    for layer in (MethodOverride, Limits, Metrics):
        made.add_middleware(layer)
    made.add_middleware(RequestId, private_prefix=routing.PREFIX)
    if settings.proxies:
        made.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    if settings.otlp_endpoint:
        made.add_middleware(Traces, proxies=settings.proxies)
    return made


@asynccontextmanager
async def lifespan(made: FastAPI) -> AsyncIterator[None]:
    """Opens what the application works with when a process starts, and closes it when it ends."""
    tracing.configure(made.state.settings.otlp_endpoint, process="api")
    await prepared(made.state.settings.data_dir)
    end_with_parent()  # from here on there may be requests to finish
    async with parts.opened(made.state.settings, name="xinxin-api") as opened:
        made.state.database, made.state.wechat, made.state.store = opened.database, opened.wechat, opened.store
        async with parts.standing_by(made.state.settings, opened.database, name="xinxin-api") as made.state.standby, darkroom.opened():
            yield
    tracing.stop()


def build() -> FastAPI:
    """The factory that uvicorn calls in each worker process. Settings that are refused would be refused again: all of it ends then."""
    observability.configure("api")
    ports.connect()
    try:
        settings = Settings()
    except ValueError as refusal:
        sys.stderr.write(f"{refusal}\n")
        raise SystemExit(STARTUP_FAILURE) from None
    built = create_app(settings, lifespan)
    gc.freeze()  # what is loaded stays: no collection while requests are served has to walk through it
    gc.set_threshold(COLLECT_AFTER)  # a request makes some hundreds that live as long as it: looked at each time, they cost a twentieth
    gc.enable()
    return built
