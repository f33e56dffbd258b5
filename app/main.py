"""The API process: builds the application from its parts, and runs it under uvicorn (`python -m app.main`)."""

import argparse
import multiprocessing
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import uvicorn
from fastapi import FastAPI

import app.tables  # noqa: F401 - fills the metadata before the first statement
from app import api, documents, observability, parts, ports, problems
from app.middleware.limits import Limits
from app.middleware.method_override import MethodOverride
from app.middleware.metrics import Metrics
from app.middleware.request_id import RequestId
from app.process import end_with_parent
from app.settings import Settings

GRACEFUL_SECONDS = 10
KEEP_ALIVE_SECONDS = 30
HEALTH_CHECK_SECONDS = 60  # a worker that is still importing on a busy machine does not answer; uvicorn's 5 s killed it again and again
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(settings: Settings, life: Lifespan | None = None) -> FastAPI:
    """The application without its parts; `life` (or a test) puts `database`, `wechat` and `store` into `app.state`."""
    made = FastAPI(
        title="新新 Xinxin", version=documents.VERSION, summary=documents.SUMMARY, lifespan=life, docs_url=None, redoc_url=None,
        openapi_url=None, separate_input_output_schemas=False, redirect_slashes=False,
    )
    made.state.settings = settings
    problems.install(made)
    api.include_routers(made)
    documents.install(made)
    for layer in (MethodOverride, Limits, Metrics):
        made.add_middleware(layer)
    made.add_middleware(RequestId, private_prefix=api.PREFIX)
    return made


@asynccontextmanager
async def lifespan(made: FastAPI) -> AsyncIterator[None]:
    """Opens what the application works with when a process starts, and closes it when it ends."""
    async with parts.opened(made.state.settings, name="xinxin-api") as opened:
        made.state.database, made.state.wechat, made.state.store = opened.database, opened.wechat, opened.store
        yield


def build() -> FastAPI:
    """The factory that uvicorn calls in each worker process."""
    if multiprocessing.parent_process() is not None:
        end_with_parent()
    observability.configure("api")
    ports.connect()
    return create_app(Settings(), lifespan)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.main")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    end_with_parent()
    observability.configure("api")
    uvicorn.run(
        "app.main:build", factory=True, host=chosen.host, port=chosen.port, workers=chosen.workers, log_config=None, access_log=False,
        server_header=False, http="app.middleware.protocol:DeadlineProtocol", ws="none", timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS, timeout_worker_healthcheck=HEALTH_CHECK_SECONDS, backlog=2048, proxy_headers=False,
    )


if __name__ == "__main__":
    main()
