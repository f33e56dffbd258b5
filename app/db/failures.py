"""What a failure of the database means to a caller: busy for now, full, or a race that a constraint ended."""

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from app.errors import AppError, Busy, Conflict, StorageFull, ValidationFailed

FULL = frozenset({"53100"})
# Cancelled by a timeout, serialisation, deadlock, lock timeout, read-only (demoted server), too many connections, shutting down.
PASSING = frozenset({"57014", "40001", "40P01", "55P03", "25006", "53300", "57P01", "57P02", "57P03", "25P03", "58030", "XX000"})
# A server that is the primary no longer, or goes down: connections to it are of no use, and new ones may lead to another server.
DEMOTED = frozenset({"25006", "57P01", "57P02", "57P03"})
OUT_OF_RANGE = frozenset({"22003", "22008", "22P02", "22021", "22P05"})


def forget_demoted(engine: AsyncEngine) -> None:
    """The pool lets go of every connection when one hears that its server takes no writes any more: otherwise they would stay with it."""

    @event.listens_for(engine.sync_engine, "handle_error")
    def judge(context: ExceptionContext) -> None:
        state = str(getattr(context.original_exception, "sqlstate", None) or "")
        if state in DEMOTED or state.startswith("08"):
            context.is_disconnect = True


def passes(error: BaseException) -> bool:
    """Of what the driver itself raises: whether the server may be well again in a moment (lost, going down, read-only, full)."""
    state = str(getattr(error, "sqlstate", None) or "")
    return isinstance(error, OSError | asyncpg.InterfaceError) or state in PASSING | FULL or state.startswith("08")


def refusal_of(error: SQLAlchemyError | OSError) -> AppError | None:
    """The refusal that a caller may hear; None for what is a defect of ours."""
    if isinstance(error, PoolTimeout | OSError):
        return Busy()
    if isinstance(error, IntegrityError):
        return Conflict()
    if not isinstance(error, DBAPIError):
        return None
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if state in FULL:
        return StorageFull()
    if state in PASSING or state.startswith("08") or error.connection_invalidated:
        return Busy()
    if state in OUT_OF_RANGE:
        return ValidationFailed.of("body", msg="数值或字符超出可存储的范围", kind="out_of_range")
    return _connection_lost(error)


def _connection_lost(error: DBAPIError) -> AppError | None:
    """Drivers tell of a lost server by exceptions without an SQLSTATE."""
    cause = error.orig.__cause__ if error.orig is not None else None
    lost = isinstance(cause, OSError | TimeoutError) or type(cause).__name__ in {"ConnectionDoesNotExistError", "InterfaceError"}
    return Busy() if lost else None
