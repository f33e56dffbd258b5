"""Structured logs: one JSON line per event, static event names, the request's id; never personal data, tokens or codes."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from structlog.typing import EventDict, FilteringBoundLogger

DEEPEST = 12  # exceptions of a chain, and frames of each
# JSON escapes what is below U+0020. A terminal also obeys C1 codes, and is led astray by marks of direction and by other line ends.
OBEYED = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
THIRD_PARTY = ("uvicorn", "uvicorn.error", "pgqueuer", "sqlalchemy.pool", "asyncio")


def configure(process: str) -> None:
    """Sends our events and the warnings of libraries to stderr as JSON. `process` names who writes: api, worker, server.

    Several processes write into one file: a line and its end go there at once, or they would come between each other's.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True),
        _where_it_broke,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(_written)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer(_written),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for name in THIRD_PARTY:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
    logging.getLogger("uvicorn.access").disabled = True


def _written(event: Any, default: Callable[[Any], Any]) -> str:
    """One line whatever it holds, and readable Chinese."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", _encoder(default).encode(event))


@cache
def _encoder(default: Callable[[Any], Any]) -> json.JSONEncoder:
    """`json.dumps` makes one for every line."""
    return json.JSONEncoder(ensure_ascii=False, default=default)


def _where_it_broke(logger: Any, name: str, event: EventDict) -> EventDict:
    """Types and places of an exception and its causes, never their texts or variables: those may hold a phone number or a token."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    chain: list[dict[str, Any]] = []
    while isinstance(error, BaseException) and len(chain) < DEEPEST:
        frames = traceback.extract_tb(error.__traceback__)[-DEEPEST:]
        chain.append({"type": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]})
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if chain:
        event["exception"] = chain
    return event


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module; events are `noun.what_happened`, facts are keyword arguments."""
    logger: FilteringBoundLogger = structlog.get_logger(module=name)
    return logger
