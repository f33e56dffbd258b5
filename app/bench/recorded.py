"""What one request made the service send to its database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

PATH = "/recorded"  # where the recording process gives what it has


@dataclass(frozen=True, slots=True)
class Sent:
    """One round trip: the statement, the sets of values that were bound to it (none: it was sent as plain text, as BEGIN is), the types of
    the parameters, and what came back. `many`: sent in one go with several sets."""

    statement: str
    bound: tuple[tuple[Any, ...], ...]
    types: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    connection: int
    many: bool = False


@dataclass
class Recording:
    """One request, and all that was sent for it; connections are numbered in the order of their first use."""

    at: datetime
    status: int = 0
    answer: bytes = b""
    sent: list[Sent] = field(default_factory=list)
    connections: dict[int, int] = field(default_factory=dict)

    def add(self, protocol: object, statement: str, bound: Sequence[Sequence[Any]], types: Sequence[str], rows: Any, many: bool) -> None:
        number = self.connections.setdefault(id(protocol), len(self.connections))
        columns = tuple(rows[0].keys()) if rows else ()
        values = tuple(tuple(map(plain, one)) for one in bound)
        self.sent.append(Sent(statement, values, tuple(types), columns, tuple(map(tuple, rows or ())), number, many))


def plain(value: Any) -> Any:
    """Without the enumerations of the service, which the wire does not know either."""
    if isinstance(value, Enum):
        return value.value
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
