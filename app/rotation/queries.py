"""Reading the places of the list page by page, and writing a page's changes in one statement."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from app.db.session import AsyncSession
from app.rotation.fields import Place
from app.rotation.remaking import Change, Row
from app.security import ciphers
from app.security.sealing import Under

TEXT_KEYS = {"key"}  # every other part of a primary key is a UUID

# Each row is found by its key and locked without waiting: who waits for nobody is in no deadlock. A row that somebody holds is left for
# later, and one that has changed since it was read is no longer `unchanged` once it is locked: nobody's write is ever overwritten.
WRITE = """
with held as (
  select h.at, w.* from unnest({arrays}) as w ({names})
   cross join lateral (select t.ctid as at from {table} t where {same_row} and {unchanged} for update skip locked) h)
update {table} t set {values} from held where t.ctid = held.at
returning {keys}
"""


async def page(session: AsyncSession, place: Place, *, after: tuple[Any, ...] | None, limit: int) -> Sequence[Row]:
    """The next rows in the order of the primary key that hold anything sealed or indexed."""
    table = _table(place)
    statement = _rows(table, place).order_by(*(table.c[name] for name in place.key)).limit(limit)
    if after is not None:
        statement = statement.where(sa.tuple_(*(table.c[name] for name in place.key)) > sa.tuple_(*_literals(table, place, after)))
    return [dict(row) for row in (await session.exec(statement)).mappings()]


async def rows(session: AsyncSession, place: Place, keys: Sequence[tuple[Any, ...]]) -> Sequence[Row]:
    """These rows, as far as they are still there."""
    table = _table(place)
    own = sa.tuple_(*(table.c[name] for name in place.key))
    found = await session.exec(_rows(table, place).where(own.in_([sa.tuple_(*_literals(table, place, key)) for key in keys])))
    return [dict(row) for row in found.mappings()]


async def write(session: AsyncSession, place: Place, changes: Sequence[Change]) -> set[tuple[Any, ...]]:
    """Writes what is still as it was read and held by nobody; the keys of the rows that were written."""
    values: dict[str, Any] = {}
    for at, name in enumerate(place.key):
        values[f"k_{name}"] = [change.key[at] for change in changes]
    for name in place.columns:
        values[f"o_{name}"] = [change.old[name] for change in changes]
        values[f"n_{name}"] = [change.new.get(name, change.old[name]) for change in changes]
    connection = await session.connection()
    done = await connection.execute(statement(place), values)
    return {tuple(row) for row in done.all()}


def statement(place: Place) -> sa.TextClause:
    """The parameters have no types of ours, only the casts: so no array is gone through value by value before the driver does."""
    kept = [(f"k_{name}", "text" if name in TEXT_KEYS else "uuid") for name in place.key]
    kept += [(f"{side}_{name}", "bytea") for side in "on" for name in place.columns]
    same = " and ".join(f"t.{name} = w.k_{name}" for name in place.key)
    text = WRITE.format(
        table=place.table, names=", ".join(name for name, _ in kept), same_row=same, unchanged=unchanged(place),
        arrays=", ".join(f"cast(:{name} as {kind}[])" for name, kind in kept), keys=", ".join(f"t.{name}" for name in place.key),
        values=", ".join(f"{name} = held.n_{name}" for name in place.columns),
    )
    return sa.text(text)


def unchanged(place: Place) -> str:
    """The condition that makes a write of values read before harmless."""
    return " and ".join(f"t.{name} is not distinct from w.o_{name}" for name in place.columns)


async def sealed_under(session: AsyncSession, place: Place, column: str) -> Counter[Under]:
    """How many values of a sealed column say that they were made under which key and suite."""
    head = sa.text(
        f"select case when octet_length({column}) > 3 then get_byte({column}, 1) end as number,"
        f" case when octet_length({column}) > 3 then substring({column} from 4 for get_byte({column}, 2)) end as kid, count(*)"
        f" from {place.table} where {column} is not null group by 1, 2"
    )
    connection = await session.connection()
    found = (await connection.execute(head)).all()
    return Counter({
        Under((kid or b"?").decode(errors="replace"), ciphers.NUMBERED[number].name if number in ciphers.NUMBERED else "?"): count
        for number, kid, count in found
    })


@cache
def _table(place: Place) -> sa.TableClause:
    masks = {index.mask for index in place.indexes if index.mask}
    return sa.table(place.table, *(sa.column(name) for name in (*place.key, *({place.row, *masks} - set(place.key)), *place.columns)))


def _rows(table: sa.TableClause, place: Place) -> sa.Select[Any]:
    return sa.select(*table.c).where(sa.or_(*(table.c[name].is_not(None) for name in place.columns)))


def _literals(table: sa.TableClause, place: Place, key: tuple[Any, ...]) -> list[sa.ColumnElement[Any]]:
    return [sa.literal(value, sa.Text() if name in TEXT_KEYS else sa.Uuid()) for name, value in zip(place.key, key, strict=True)]
