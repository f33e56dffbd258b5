"""The statements of a check: each looks at a part of the chain or of a table, so that none runs long and two can run at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db.session import Database
from app.seals import rows
from app.seals.rows import Kind

KEPT_DAYS = 400  # for how long an audit event is kept (reliability.md 4.9): its trigger lets it go then
SETTINGS = sa.text(
    "select set_config('jit', 'off', true), set_config('work_mem', '64MB', true), set_config('statement_timeout', '300s', true)"
)
# What a block says of its rows only tells how much is looked at together.
SPANS = sa.text("""
select max(number) from (
  select number, sum(cast(greatest(rows, 1) as bigint)) over (order by number) / :size as part from seal_block where number >= :since) b
 group by part order by 1""")
# When a row was made, as its id tells (UUID version 7), or its block at the latest.
BORN = """least(sealed_at, case when substr(row_id::text, 15, 1) = '7'
  then to_timestamp(('x' || translate(left(row_id::text, 13), '-', ''))::bit(48)::bigint / 1000.0) end)"""
BLOCKS = sa.text(f"""
with judged as (
  select l.block, l.position, l.kind, l.row_id, l.digest,
         case when f.digest = l.digest then 'right' when f.digest is not null then 'changed'
              when l.kind = {int(Kind.EVENT)} and {BORN} < clock_timestamp() - interval '{KEPT_DAYS} days' then 'pruned'
              else 'gone' end as state
    from seal_link l left join seal_block b on b.number = l.block
    left join lateral ({rows.found(kind="l.kind", row_id="l.row_id", form="b.format")}) f (digest) on true
   where l.block between :first and :last),
made as (
  select block, count(*) as links, count(*) filter (where state = 'pruned') as pruned, count(*) filter (where state = 'changed') as changed,
         count(*) filter (where state = 'gone') as gone, min(position) filter (where state = 'changed') as first_changed,
         min(position) filter (where state = 'gone') as first_gone, {rows.body("position")} as body
    from judged group by block)
select coalesce(b.number, m.block) as number, b.number is not null as there, b.sealed_at, b.format, b.previous, b.hash, b.signature, b.kid,
       coalesce(m.links, 0) as links, m.pruned, m.changed, m.gone, m.first_changed, m.first_gone,
       b.rows = m.links and b.hash = {rows.block_hash(
           previous="b.previous", number="b.number", form="b.format", rows="b.rows", sealed_at="b.sealed_at", body="m.body",
       )} as sound
  from made m full join (select * from seal_block where number between :first and :last) b on b.number = m.block
 order by 1""")
LINK = sa.text("select kind, row_id from seal_link where block = :block and position = :position")
LAST = sa.text("select greatest((select max(number) from seal_block), (select max(block) from seal_link))")
HASH = sa.text("select hash from seal_block where number = :number")
UP_TO = "select id from {table} where (cast(:after as uuid) is null or id > :after) order by id offset :size limit 1"
# Both sides read their index in the order of ids. A row that is noted or linked meanwhile is one or the other at every moment, so the
# second look is one statement.
LOOSE = """
select count(*) as rows, coalesce(array_agg(t.id) filter (where l.row_id is null), '{{}}') as loose
  from (select id from {table} where {range}) t
  left join (select row_id as id, row_id from seal_link where kind = {kind} and {range_of_link}) l on l.id = t.id"""
STILL = """
select t.id from {table} t where t.id = any (cast(:ids as uuid[]))
   and not exists (select from seal_link l where l.kind = {kind} and l.row_id = t.id)
   and not exists (select from seal_pending p where p.kind = {kind} and p.row_id = t.id) order by t.id"""


@dataclass(frozen=True, slots=True)
class Block:
    """What a block says of itself, and what its links, looked up, say of it. `there` False: links of a block that is not."""

    number: int
    there: bool
    sealed_at: datetime | None
    format: int | None
    previous: bytes | None
    hash: bytes | None
    signature: bytes | None
    kid: str | None
    links: int
    pruned: int | None
    changed: int | None
    gone: int | None
    first_changed: int | None
    first_gone: int | None
    sound: bool | None


async def asked(database: Database, statement: sa.TextClause, **given: Any) -> Sequence[sa.Row[*tuple[Any, ...]]]:
    """One statement in a transaction of its own, with time and memory for what it has to look at."""
    async with database.session() as session:
        await session.exec(SETTINGS)
        return (await session.exec(statement, params=given)).all()


async def spans(database: Database, *, since: int, size: int) -> list[tuple[int, int]]:
    """Consecutive ranges of block numbers, each with about so many rows; between them they leave out no number from `since` on."""
    ends = [row[0] for row in await asked(database, SPANS, since=since, size=size)]
    last = (await asked(database, LAST))[0][0] or 0
    ends = sorted({*ends[:-1], max([last, *ends[-1:]])}) if last >= since else []
    return [(first, end) for first, end in zip([since, *(end + 1 for end in ends)], ends, strict=False)]


async def blocks(database: Database, first: int, last: int) -> list[Block]:
    return [Block(*row) for row in await asked(database, BLOCKS, first=first, last=last)]


async def link(database: Database, block: int, position: int) -> tuple[Kind | None, UUID]:
    kind, row_id = (await asked(database, LINK, block=block, position=position))[0]
    return (Kind(kind) if kind in set(Kind) else None), row_id


async def hash_of(database: Database, number: int) -> bytes | None:
    found = await asked(database, HASH, number=number)
    return found[0][0] if found else None


async def next_id(database: Database, kind: Kind, after: UUID | None, *, size: int) -> UUID | None:
    """The id `size` rows after this one; None when there are not so many."""
    found = await asked(database, sa.text(UP_TO.format(table=kind.table)), after=after, size=size)
    return found[0][0] if found else None


async def loose(database: Database, kind: Kind, after: UUID | None, up_to: UUID | None) -> tuple[int, list[UUID]]:
    """How many rows stand between two ids, and those that are neither sealed nor noted to be."""
    bounds = [("after", ">", after), ("up_to", "<=", up_to)]
    range_ = " and ".join(["true", *(f"{{id}} {sign} :{name}" for name, sign, value in bounds if value is not None)])
    given = {name: value for name, _, value in bounds if value is not None}
    parts = {"table": kind.table, "kind": int(kind), "range": range_.format(id="id"), "range_of_link": range_.format(id="row_id")}
    found = (await asked(database, sa.text(LOOSE.format(**parts)), **given))[0]
    if not found.loose:
        return found.rows, []
    return found.rows, [row[0] for row in await asked(database, sa.text(STILL.format(**parts)), ids=found.loose)]
