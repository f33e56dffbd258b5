"""The API process (`python -m app.serving`): uvicorn with our protocol."""

import argparse
import gc
import importlib
import multiprocessing
import resource
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.context import ForkProcess

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import multiprocess

from app import observability
from app.process import end_with_parent, give_back_what_is_large, sharing_figures

GRACEFUL_SECONDS = 10
KEEP_ALIVE_SECONDS = 30
OPEN_FILES = 8_192
# A worker that has not answered its parent for so long is killed, with every request in it. Uvicorn's own 5 s are reached by a healthy one
# that a busy machine gives no turn; one that hangs for good is taken out of service by its readiness long before.
SILENT_SECONDS = 15
FORK = multiprocessing.get_context("fork")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m app.serving")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    end_with_parent()
    give_back_what_is_large()
    observability.configure("api")
    open_files_enough()
    config = uvicorn.Config(
        "app.main:build", factory=True, host=chosen.host, port=chosen.port, workers=chosen.workers, log_config=None, access_log=False,
        server_header=False, http="app.middleware.protocol:DeadlineProtocol", ws="none", timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS, backlog=2048, proxy_headers=False,
        timeout_worker_healthcheck=SILENT_SECONDS,
    )
    return serve_by_many(config) if chosen.workers > 1 else serve_alone(config)


def open_files_enough() -> None:
    """Each connection is an open file, and systemd allows 1,024 unless asked; as many as it lets us ask for, with a bound."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def serve_alone(config: uvicorn.Config) -> int:
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1


def serve_by_many(config: uvicorn.Config) -> int:
    """Uvicorn ends its processes when one cannot start, and says nothing of it by its own exit code: whoever watches this one must know.

    Its own way is to start each from nothing: seconds of loading, also after a crash, and memory of its own for the same code. Here the
    code is loaded once, and they are forked from it. Nothing is open yet that a fork must not share: no loop, thread or connection.
    """
    with sharing_figures():
        listening = config.bind_socket()
        gc.disable()  # a fifth of the loading otherwise, in which nothing becomes garbage; `main.build` enables it again
        importlib.import_module("app.main")
        gc.freeze()
        multiprocess.get_subprocess = forked  # type: ignore[attr-defined, assignment]
        processes = multiprocess.Multiprocess(config, [listening])
        processes.run()
    return 1 if any(process.exitcode == STARTUP_FAILURE for process in processes.processes) else 0


def forked(config: uvicorn.Config, target: Callable[..., None], sockets: list[socket.socket]) -> ForkProcess:
    return FORK.Process(target=begun, args=(target, sockets))


def begun(target: Callable[..., None], sockets: list[socket.socket]) -> None:
    """In the new process: signals mean what they did before its parent came to handle them.

    Should the parent be killed before this one serves, it must let go of the port at once, or the next API cannot begin; it has nothing in
    flight, and uvicorn would only take note of a SIGTERM. The application asks for that one when it is ready (`main.lifespan`).
    """
    for order in multiprocess.SIGNALS:
        signal.signal(order, signal.SIG_DFL)
    end_with_parent(order=signal.SIGKILL)
    target(sockets)


if __name__ == "__main__":
    sys.exit(main())
