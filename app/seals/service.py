"""Sealing: what was noted becomes links of a block. One sealer at a time over all workers; whoever writes history waits for none."""

from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from app.db.session import AsyncSession
from app.observability import get_logger
from app.seals import queries, rows, signing
from app.seals.models import SealBacklog, SealBlock
from app.seals.queries import Head
from app.seals.rows import Kind
from app.security import sealing

log = get_logger(__name__)

BATCH = 5_000
LEASE = sa.text("select pg_try_advisory_xact_lock(hashtextextended('seals.chain', 0))")
# Nobody else deletes from the queue, so its first rows are as good as any; they are found by their place, for it has no index.
NOTED = """
taken as (
  delete from seal_pending where ctid = any (array(select ctid from seal_pending limit :batch)) returning kind, row_id, noted_at),
chosen as (select kind, row_id, min(noted_at) as noted_at from taken group by kind, row_id),
"""
# Rows from before the triggers, in the order of their ids; what a trigger noted meanwhile is left to the queue.
OLD = """
chosen as (
  select cast({kind} as smallint) as kind, t.id as row_id, t.created_at as noted_at from {table} t
   where (cast(:after as uuid) is null or t.id > :after)
     and not exists (select from seal_pending p where p.kind = {kind} and p.row_id = t.id)
   order by t.id limit :batch),
"""
SEALED = f"""
with {{chosen}}
fresh as (
  select * from chosen c where not exists (select from seal_link l where l.kind = c.kind and l.row_id = c.row_id)),
placed as (
  select kind, row_id, noted_at, f.digest is null as gone, coalesce(f.digest, {rows.NOTHING}) as digest,
         cast(row_number() over (order by noted_at, kind, row_id) - 1 as integer) as position
    from fresh left join lateral ({rows.found(kind="fresh.kind", row_id="fresh.row_id", form=str(rows.FORMAT))}) f (digest) on true),
linked as (
  insert into seal_link (block, position, kind, row_id, digest)
  select cast(:number as bigint), position, kind, row_id, digest from placed),
made as (
  select cast(count(*) as integer) as rows, count(*) filter (where gone) as gone, clock_timestamp() as sealed_at,
         {rows.body("position")} as body from placed)
select rows, gone, sealed_at, {rows.block_hash(
    previous="cast(:previous as bytea)", number="cast(:number as bigint)", form=f"cast({rows.FORMAT} as smallint)", rows="rows",
    sealed_at="sealed_at", body="body",
)} as hash, {{figures}} from made
"""
FROM_QUEUE = sa.text(SEALED.format(chosen=NOTED, figures="(select count(*) from taken) as seen, cast(null as uuid) as last"))
FROM_OLD = {
    kind: sa.text(SEALED.format(
        chosen=OLD.format(kind=int(kind), table=kind.table),
        figures="(select count(*) from chosen) as seen, (select row_id from chosen order by row_id desc limit 1) as last",
    ))
    for kind in Kind
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one transaction did: the rows it looked at, and the block it made, if any of them was not sealed yet."""

    seen: int
    head: Head | None
    last: UUID | None = None


async def take_lease(session: AsyncSession) -> bool:
    """True for one transaction at a time over all processes, until it ends. One that was thought dead cannot go on: its connection,
    and with it the lease and all that it had done, is gone; and no two blocks have one number."""
    return bool((await session.exec(LEASE)).scalar_one())


async def seal(session: AsyncSession, *, batch: int = BATCH) -> Step:
    """Makes a block of what waits in the queue, `batch` rows at most. Whoever calls holds the lease."""
    return await _sealed(session, FROM_QUEUE, batch=batch)


async def catch_up(session: AsyncSession, *, batch: int = BATCH) -> Step:
    """Seals the next rows from before the triggers; those that have a link are passed over. Whoever calls holds the lease."""
    left = await queries.backlog(session)
    if not left:
        return Step(0, None)
    kind, after = next(iter(left.items()))
    step = await _sealed(session, FROM_OLD[kind], batch=batch, after=after)
    mine = col(SealBacklog.kind) == kind
    if step.seen < batch:
        await session.exec(sa.delete(SealBacklog).where(mine))
        log.info("seals.caught_up", table=kind.table)
    else:
        await session.exec(sa.update(SealBacklog).where(mine).values(after=step.last))
    return step


async def seal_all(session: AsyncSession) -> Head | None:
    """Everything that waits, in one transaction: for tests and small databases. Returns the head."""
    while (await seal(session)).seen or (await catch_up(session)).seen or await queries.backlog(session):
        continue
    return await queries.head(session)


async def reopen(session: AsyncSession) -> None:
    """Lets the sealer look through all tables once more: after rows were added with the triggers turned off, as the generator does."""
    await session.exec(sa.text("insert into seal_backlog (kind) select unnest(cast(:kinds as smallint[])) on conflict (kind)"
                               " do update set after = null"), params={"kinds": [int(kind) for kind in Kind]})


async def _sealed(session: AsyncSession, statement: sa.TextClause, **given: object) -> Step:
    head = await queries.head(session)
    number, previous = (head.number + 1, head.hash) if head else (1, signing.GENESIS)
    made = (await session.exec(statement, params={**given, "number": number, "previous": previous})).one()
    if made.gone:
        log.error("seals.rows_gone", rows=made.gone, block=number)
    if not made.rows:
        return Step(made.seen, None, made.last)
    signature, kid = signing.sign(sealing.ring(session), signing.BLOCK, made.hash)
    await session.exec(sa.insert(SealBlock).values(
        number=number, sealed_at=made.sealed_at, rows=made.rows, format=rows.FORMAT, previous=previous, hash=made.hash,
        signature=signature, kid=kid,
    ))
    return Step(made.seen, Head(number, made.hash, made.sealed_at), made.last)

