"""Structured logs: one JSON line per event, static event names, the request's id; never personal data, tokens or codes."""

import logging
import sys
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

THIRD_PARTY = ("uvicorn", "uvicorn.error", "pgqueuer", "sqlalchemy.pool", "asyncio")


def configure(process: str) -> None:
    """Sends our events and the warnings of libraries to stderr as JSON. `process` names who writes: api, worker, server."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO), logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(ensure_ascii=False),
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


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module; events are `noun.what_happened`, facts are keyword arguments."""
    logger: FilteringBoundLogger = structlog.get_logger(logger=name)
    return logger
