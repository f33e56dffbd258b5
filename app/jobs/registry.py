"""Names and handlers. A feature's `jobs.py` registers here when it is imported; who enqueues a name imports no handler."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from app.db.session import Database
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may use. `wechat` is the WeChatClient and `store` the ObjectStore of this process."""

    database: Database
    wechat: Any
    store: Any
    settings: Settings


Handler = Callable[[Context, dict[str, Any]], Awaitable[None]]
Periodic = Callable[[Context], Awaitable[None]]
H = TypeVar("H", bound=Handler)
P = TypeVar("P", bound=Periodic)

HANDLERS: dict[str, Handler] = {}
PERIODIC: dict[str, tuple[str, Periodic]] = {}


def handles(name: str) -> Callable[[H], H]:
    """Declares the handler of a job. It opens its own unit of work, reads by id, checks the state again and may run twice."""

    def register(handler: H) -> H:
        assert name not in HANDLERS, f"two handlers for {name}"
        HANDLERS[name] = handler
        return handler

    return register


def every(cron: str, name: str) -> Callable[[P], P]:
    """Declares a job that runs by the clock (UTC), once over all workers; it must find its own work and may run twice.

    A tick at which no worker ran is made up for by the next one that starts. After eight failures it is left to its next tick.
    """

    def register(job: P) -> P:
        assert name not in PERIODIC, f"two periodic jobs {name}"
        PERIODIC[name] = (cron, job)
        return job

    return register
