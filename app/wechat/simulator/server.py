"""The simulator as a process of its own, on the loopback interface unless told otherwise."""

import socket
from collections.abc import Callable

import uvicorn

from app.wechat.simulator.app import create_app
from app.wechat.simulator.world import Target

KEEP_ALIVE_SECONDS = 75  # longer than any client keeps an idle connection


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. What it accepts sends small answers at once instead of waiting 40 ms for an acknowledgement."""
    listener = socket.create_server((host, port), backlog=1024, family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def serve(
    host: str, port: int, *, appid: str, secret: str, target: Target | None = None, ready: Callable[[str], None] | None = None
) -> None:
    """Runs until SIGTERM or SIGINT. Port 0 takes a free one; `ready` hears the address once connections are taken.

    Nothing of a request is logged: queries hold secrets, codes and tokens. Raises OSError when the port is taken.
    """
    with listen(host, port) as listener:
        config = uvicorn.Config(
            create_app(appid, secret, target=target), access_log=False, log_level="warning", timeout_keep_alive=KEEP_ALIVE_SECONDS,
            server_header=False, lifespan="off",
        )
        if ready is not None:
            named = f"[{host}]" if ":" in host else host
            ready(f"http://{named}:{listener.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listener])
