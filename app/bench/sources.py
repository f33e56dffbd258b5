"""Where a bound value comes from when what was recorded is played again."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class FromGiven:
    """`shift` is added."""

    name: str
    shift: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """A cell of what an earlier step gave."""

    step: int
    row: int
    column: int
    name: str


@dataclass(frozen=True, slots=True)
class Inside:
    """A value within a JSON document that an earlier step gave: `path` leads to it. `is_id`: it is bound as an id."""

    cell: Answered
    path: tuple[str | int, ...]
    is_id: bool

    def read(self, cell: Any) -> Any:
        found = document(cell)
        for part in self.path:
            found = found[part]
        return UUID(found) if self.is_id else found


@dataclass(frozen=True, slots=True)
class FreshId:
    number: int


@dataclass(frozen=True, slots=True)
class FreshDigest:
    """The SHA-256 of a fresh token."""

    number: int


@dataclass(frozen=True, slots=True)
class FreshHex:
    number: int
    length: int


@dataclass(frozen=True, slots=True)
class Moment:
    """So long after the request came."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text, or bytes, with other values in between."""

    parts: tuple["Source", ...]
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Several:
    items: tuple["Source", ...]


Source = Constant | FromGiven | Answered | Inside | FreshId | FreshDigest | FreshHex | Moment | Pieces | Several


def document(cell: Any) -> Any:
    """What a cell holds of JSON: the service's driver reads it, the bare one gives its text."""
    if isinstance(cell, str) and cell[:1] in ("{", "["):
        return json.loads(cell)
    return cell if isinstance(cell, dict | list) else None


def leaves(told: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """What a JSON document holds, each with the way to it."""
    if isinstance(told, dict | list):
        for name, item in told.items() if isinstance(told, dict) else enumerate(told):
            yield from leaves(item, (*path, name))
    else:
        yield path, told


Values = Callable[[Source], Any]


def filled(source: Source, value_of: Values) -> Any:
    """The value of a source that others are parts of; `value_of` knows the simple ones."""
    if isinstance(source, Several):
        return [filled(one, value_of) for one in source.items]
    if isinstance(source, Pieces):
        text = "".join(str(filled(one, value_of)) for one in source.parts)
        return text.encode() if source.binary else text
    return source.value if isinstance(source, Constant) else value_of(source)
