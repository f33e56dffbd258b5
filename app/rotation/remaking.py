"""What becomes of one row when the key or the cipher changes. Knows no database."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.db.session import AsyncSession
from app.rotation.fields import Index, Place
from app.security import sealing
from app.security.sealing import Under, Unsealable

MASK = re.compile(r"([0-9]{3})\*{4}([0-9]{4})")
UNKNOWN = Under("?", "?")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """`old` are the bytes that were read, of every column of the place; `new` stand in for those that are to be written."""

    key: tuple[Any, ...]
    old: dict[str, bytes | None]
    new: dict[str, bytes]


def change(session: AsyncSession, place: Place, row: Row) -> Change | None:
    """What to write; None when all is under the active key and cipher. Raises Unsealable when something cannot be made again."""
    texts: dict[str, bytes] = {}
    new: dict[str, bytes] = {}
    needed = {index.source for index in place.indexes if row[index.column] is not None}
    active = sealing.active(session)
    for column in place.sealed:
        if row[column] is None:
            continue
        stale = sealing.made_under(row[column]) != active
        if stale or column in needed:
            texts[column] = opened(session, place, column, row)
        if stale:
            new[column] = _sealed(session, place, column, row, texts[column])
    for index in place.indexes:
        if row[index.column] is None:
            continue
        if index.source not in texts:
            text = texts[index.source] = _from_mask(session, index, row)
            new[index.source] = _sealed(session, place, index.source, row, text)
        wanted = sealing.blind_index(session, index.part(texts[index.source].decode()), purpose=index.purpose)
        if row[index.column] != wanted:
            new[index.column] = wanted
    return Change(key_of(place, row), {column: row[column] for column in place.columns}, new) if new else None


def index_under(session: AsyncSession, place: Place, index: Index, row: Row) -> Under:
    """What the blind index of a row was made under; UNKNOWN when its value cannot be read or no key of the ring gives this index."""
    try:
        source = row[index.source]
        text = opened(session, place, index.source, row) if source is not None else _from_mask(session, index, row)
    except Unsealable:
        return UNKNOWN
    made = sealing.indexes_by_key(session, index.part(text.decode()), purpose=index.purpose)
    return next((under for under, value in made if value == row[index.column]), UNKNOWN)


def key_of(place: Place, row: Row) -> tuple[Any, ...]:
    return tuple(row[column] for column in place.key)


def opened(session: AsyncSession, place: Place, column: str, row: Row) -> bytes:
    """Raises Unsealable."""
    return sealing.unseal_bytes(session, row[column], table=place.table, column=place.sealed[column], row=_bound(place, row))


def _sealed(session: AsyncSession, place: Place, column: str, row: Row, plain: bytes) -> bytes:
    return sealing.seal(session, plain, table=place.table, column=place.sealed[column], row=_bound(place, row))


def _bound(place: Place, row: Row) -> UUID:
    bound: UUID = row[place.row]
    return bound


def _from_mask(session: AsyncSession, index: Index, row: Row) -> bytes:
    """The mobile number of an index whose value was never sealed: its mask leaves ten thousand to try. Raises Unsealable."""
    shown = MASK.fullmatch((index.mask and row[index.mask]) or "")
    if shown is None:
        raise Unsealable
    for middle in range(10_000):
        number = f"{shown[1]}{middle:04d}{shown[2]}"
        if row[index.column] in sealing.blind_indexes(session, number, purpose=index.purpose):
            return number.encode()
    raise Unsealable
