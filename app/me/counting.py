"""How many rows a step of an erasure touches, told by the database itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event


class Count:
    """Rows that were changed or deleted since `begin`; what is only added (audit events, jobs, ledger lines) does not count."""

    def __init__(self) -> None:
        self.rows = 0

    def note(self, _connection: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None and (context.isupdate or context.isdelete):
            self.rows += max(0, cursor.rowcount)


@contextmanager
def counted(connection: sa.Connection) -> Iterator[Count]:
    """Counts what goes through this connection inside the block."""
    count = Count()
    event.listen(connection, "after_cursor_execute", count.note)
    try:
        yield count
    finally:
        event.remove(connection, "after_cursor_execute", count.note)
