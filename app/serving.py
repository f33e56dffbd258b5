"""The API process (`python -m app.serving`): uvicorn with our protocol. It loads the application in its workers only."""

import argparse
import gc
import os
import signal

import uvicorn

from app import observability
from app.process import end_with_parent

GRACEFUL_SECONDS = 10
KEEP_ALIVE_SECONDS = 30

# A worker gets this module before it loads the application for seconds, and the listening socket with it: should the parent be killed
# meanwhile, the worker must let go of the port at once, or the next API cannot begin. It has nothing in flight, and uvicorn would only
# take note of a SIGTERM; `main.build` asks for that one when all is loaded.
if __name__ == "__mp_main__":
    end_with_parent(os.getppid(), order=signal.SIGKILL)
    gc.disable()  # a fifth of the loading otherwise, in which nothing becomes garbage; `main.build` enables it again


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m app.serving")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1)
    chosen = parser.parse_args()
    end_with_parent()
    observability.configure("api")
    uvicorn.run(
        "app.main:build", factory=True, host=chosen.host, port=chosen.port, workers=chosen.workers, log_config=None, access_log=False,
        server_header=False, http="app.middleware.protocol:DeadlineProtocol", ws="none", timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS, backlog=2048, proxy_headers=False,
    )


if __name__ == "__main__":
    main()
