"""The trail beyond its 400 days: events leave the table for files in the object store, line by line as they were sealed.

A line is the very text whose SHA-256 stands in the event's link of the chain, so that what was archived is proved by the chain as what
still stands in the table is. The file of a batch is written, and made sure, before the rows go. The table is not partitioned by month:
its key would have to hold the month, which the release before does not write, and a batch by id is as cheap.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from app import clock
from app.audit import service as audit_service
from app.audit.models import AuditEvent
from app.db import roles
from app.db.session import AsyncSession, Database
from app.errors import NotFound
from app.observability import get_logger
from app.seals import rows
from app.seals.queries_checking import KEPT_DAYS
from app.seals.rows import Kind
from app.storage.store import ObjectStore

log = get_logger(__name__)

FOLDER = "archive/audit"
BATCH, BATCHES = 10_000, 100  # a file, and files of one night
ARCHIVED_DAYS = KEPT_DAYS + 3 * 366
ACTION = "seals.archive"
SLACK = "1 hour"  # an id may be older than its row, by as long as the transaction took
# Ids tell when they were made, so that the oldest stand first in the index. What is not sealed stays.
OVER = sa.text(f"""
select t.id, (t.created_at at time zone 'Asia/Shanghai')::date as day, {rows.written_as("b.format", Kind.EVENT)} as line
  from audit_event t join seal_link l on l.kind = {int(Kind.EVENT)} and l.row_id = t.id join seal_block b on b.number = l.block
 where t.created_at < clock_timestamp() - interval '{KEPT_DAYS} days' - interval '{SLACK}' and t.id < :bound
 order by t.id limit :size""")
BOUND = sa.text(f"select (extract(epoch from clock_timestamp() - interval '{KEPT_DAYS} days') * 1000)::bigint")
LINKS = sa.text(f"select row_id, digest from seal_link where kind = {int(Kind.EVENT)} and row_id = any(:ids)")
TOLD = sa.text(
    f"select facts ->> 'file' as file, facts ->> 'sha256' as sha256 from audit_event where action = '{ACTION}' and outcome = 'ok'"
    " and object_kind = 'audit_archive' order by id"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one month, oldest first, with the file that they become."""

    ids: Sequence[UUID]
    key: str
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(gzip.decompress(self.data)).hexdigest()


async def archive(database: Database, store: ObjectStore) -> int:
    """Takes what is over out of the table, batch by batch; how many events. Raises Busy, StorageFull: what is not in a file stays."""
    moved = 0
    for _ in range(BATCHES):
        async with database.reader() as session:
            batch = await _next(session)
        if batch is None:
            return moved
        await _put(store, batch)
        async with database.transaction() as session:
            await _remove(session, batch)
        moved += len(batch.ids)
    return moved


async def _next(session: AsyncSession) -> Batch | None:
    until = int((await session.exec(BOUND)).scalar_one())
    found = (await session.exec(OVER, params={"bound": UUID(int=until << 80), "size": BATCH})).all()
    if not found:
        return None
    month = found[0].day.replace(day=1)
    own = [row for row in found if row.day.replace(day=1) == month]
    data = gzip.compress("".join(f"{row.line}\n" for row in own).encode(), mtime=0)
    return Batch([row.id for row in own], f"{FOLDER}/{month:%Y/%m}/{own[0].id}-{own[-1].id}.jsonl.gz", data)


async def _put(store: ObjectStore, batch: Batch) -> None:
    """A run that ended before the rows went has left the file already: it must hold these very lines."""
    try:
        kept = await store.get(batch.key)
    except NotFound:
        await store.put(batch.key, batch.data)
        return
    if gzip.decompress(kept) != gzip.decompress(batch.data):
        log.error("seals.archive_differs", key=batch.key)
        raise NotOurs(batch.key)


class NotOurs(Exception):
    """Under the name of an archive's file lies another one."""


async def _remove(session: AsyncSession, batch: Batch) -> None:
    """As the role that may end what was kept long enough; the trigger looks at each row's age once more."""
    audit_service.record(
        session, ACTION, object_kind="audit_archive", object_id=batch.ids[0], file=batch.key, sha256=batch.digest, rows=len(batch.ids)
    )
    await session.flush()
    await session.exec(sa.text(f"set local role {roles.KEEPER}"))
    own = col(AuditEvent.id) == sa.any_(sa.cast(list(batch.ids), ARRAY(sa.Uuid)))
    gone = await session.exec(sa.delete(AuditEvent).where(own).execution_options(synchronize_session=False))
    await session.exec(sa.text(f"set local role {roles.SERVICE}"))
    if gone.rowcount != len(batch.ids):
        log.warning("seals.archived_twice", rows=len(batch.ids), gone=gone.rowcount)


async def end(database: Database, store: ObjectStore) -> int:
    """Deletes files whose whole month has been archived for three years; how many."""
    old = clock.today() - timedelta(days=ARCHIVED_DAYS)
    keys = [found.key async for page in store.listing(FOLDER) for found in page if (month_of(found.key) or old) < _month(old)]
    for key in keys:
        async with database.transaction() as session:
            audit_service.record(session, "seals.archive_end", object_kind="audit_archive", object_id=None, file=key)
        await store.delete(key)
    return len(keys)


def month_of(key: str) -> date | None:
    """None for a name that none of ours has."""
    try:
        year, month = key.removeprefix(f"{FOLDER}/").split("/")[:2]
        return date(int(year), int(month), 1)
    except ValueError:
        return None


def _month(day: date) -> date:
    return day.replace(day=1)


async def prove(database: Database, store: ObjectStore) -> list[str]:
    """What is wrong with the archive: a file that the trail tells of and that is not there, a line that is not what was sealed."""
    async with database.reader() as session:
        told = {row.file: row.sha256 for row in (await session.exec(TOLD)).all()}
    there = {found.key async for page in store.listing(FOLDER) for found in page}
    old = _month(clock.today() - timedelta(days=ARCHIVED_DAYS))
    wrong = [f"{key}: missing" for key in sorted(told.keys() - there) if (month_of(key) or old) >= old]
    return wrong + [found for key in sorted(there) if (found := await _judged(database, store, key, told.get(key)))]


async def _judged(database: Database, store: ObjectStore, key: str, told: str | None) -> str | None:
    try:
        text = gzip.decompress(await store.get(key))
    except (OSError, EOFError, zlib.error, NotFound):
        return f"{key}: no file of ours"
    if told is not None and hashlib.sha256(text).hexdigest() != told:
        return f"{key}: not the file that the trail tells of"
    line = await _wrong_line(database, text)
    return None if line is None else f"{key}: line {line}"


async def _wrong_line(database: Database, text: bytes) -> int | None:
    """The first line whose digest is not the one in the chain, counted from 1."""
    lines = text.splitlines()
    try:
        ids = [UUID(json.loads(line)[1]) for line in lines]
    except (ValueError, TypeError, IndexError):
        return 1
    async with database.reader() as session:
        sealed = {row.row_id: bytes(row.digest) for row in (await session.exec(LINKS, params={"ids": ids})).all()}
    for number, (row, line) in enumerate(zip(ids, lines, strict=True), start=1):
        if sealed.get(row) != hashlib.sha256(line).digest():
            return number
    return None
