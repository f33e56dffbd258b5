"""A span for each transaction, from BEGIN to the end of its COMMIT: how long its locks and its connection were held."""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session as SyncSession
from sqlalchemy.orm import SessionTransaction

from app import tracing

KEY = "span"


def told() -> None:
    """Only while somebody traces: an event costs something at each transaction."""
    if tracing.on() and not event.contains(SyncSession, "after_begin", _begun):
        event.listen(SyncSession, "after_begin", _begun)
        event.listen(SyncSession, "after_rollback", _rolled_back)
        event.listen(SyncSession, "after_transaction_end", _ended)


def _begun(session: SyncSession, transaction: SessionTransaction, connection: Connection) -> None:
    reads = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
    if not transaction.nested and not reads and KEY not in session.info:
        session.info[KEY] = tracing.begin("transaction")


def _rolled_back(session: SyncSession) -> None:
    _tell(session.info.get(KEY), {"db.rolled_back": True})


def _ended(session: SyncSession, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        opened = session.info.pop(KEY, None)
        if opened is not None:
            opened.end()


def _tell(opened: Any, attributes: tracing.Attributes) -> None:
    if opened is not None:
        opened.set(attributes)
