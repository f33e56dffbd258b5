"""Changing the key (or the cipher) of what is sealed or indexed, while API and worker serve.

A process reads its ring when it starts; its first key makes, all of them read. Therefore, for XINXIN_FIELD_KEYS=k1:…

1. publish: `scripts/manage new-key k2` prints a key; add it LAST (k1:…,k2:…) and start the replicas again, one by one. Now all read k2.
2. activate: move it FIRST (k2:…,k1:…), again one by one. Meanwhile some write under k1 and some under k2; both read both.
3. re-make: `scripts/manage rotate-keys`, with the settings of step 2, from any machine; again as long as it says that something is left.
4. retire: once it says so, take k1 out, one by one. Backups of before still need it: keep k1 outside as long as they are kept.

XINXIN_FIELD_CIPHER changes in the same way without steps 1 and 4, once every replica runs a release that knows both ciphers.
XINXIN_SECRET_KEYS has nothing to re-make: publish, activate, run `scripts/manage audit-verify`, whose signature stands for those of the
blocks that the old key sealed, and retire it a day later (all else that it signed lives shorter).
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from app.db.session import Database
from app.rotation import queries, remaking
from app.rotation.derived import DERIVED, Derived
from app.rotation.fields import PLACES, Place
from app.rotation.remaking import Change, Row
from app.security import sealing
from app.security.sealing import Under, Unsealable

AGAIN, PAUSE_S = 40, 0.25  # a row that somebody holds, or has just changed, is tried again for so long
STEP = 10_000  # rows between two lines of progress
Tell = Callable[[str], None]
Key = tuple[Any, ...]


@dataclass(slots=True)
class Turn:
    """What happened to one table. `failed`: rows that cannot be made again; `missed`: rows that were held all the time."""

    place: Place
    seen: int = 0
    remade: int = 0
    failed: list[Key] = field(default_factory=list)
    missed: list[Key] = field(default_factory=list)


async def turn(database: Database, place: Place, *, batch: int, dry_run: bool = False, tell: Tell = lambda line: None) -> Turn:
    """Re-makes what is not under the active key and cipher, in transactions of at most `batch` rows that wait for nobody.

    A dry run writes nothing, and counts in `remade` what would be.
    """
    done = Turn(place)
    async for rows in _pages(database, place, batch):
        before = done.seen
        await _settle(database, done, rows, dry_run)
        done.seen += len(rows)
        if done.seen // STEP > before // STEP:
            tell(f"{place.table}: {done.seen} rows seen, {done.remade} re-made")
    for _ in range(AGAIN):
        if not done.missed:
            break
        await asyncio.sleep(PAUSE_S)
        again, done.missed = done.missed, []
        for keys in batched(again, min(batch, place.most)):
            async with database.reader() as session:
                rows = await queries.rows(session, place, keys)
            await _settle(database, done, rows, dry_run)
    return done


def batched(keys: Sequence[Key], size: int) -> Iterator[Sequence[Key]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))


async def turn_derived(database: Database, derived: Derived, *, batch: int, dry_run: bool = False) -> Turn:
    """The same for what a feature makes itself. A row that somebody holds stays for the next run: the survey counts it."""
    done = Turn(derived.place)
    async with database.reader() as session:
        counts = await derived.survey(session)
        done.seen, stale = counts.total(), counts.total() - counts[sealing.active(session)]
    if dry_run:
        done.remade = stale
        return done
    after: UUID | None = None
    while True:
        async with database.transaction() as session:
            step = await derived.remake(session, after=after, limit=batch, every_key=True)
        if not step.ids:
            return done
        after = step.ids[-1]
        done.remade += len(step.ids) - len(step.failed)
        done.failed += [(one,) for one in step.failed]


async def _pages(database: Database, place: Place, batch: int) -> AsyncIterator[Sequence[Row]]:
    after: Key | None = None
    while True:
        async with database.reader() as session:
            rows = await queries.page(session, place, after=after, limit=min(batch, place.most))
        if not rows:
            return
        yield rows
        after = remaking.key_of(place, rows[-1])


async def _settle(database: Database, done: Turn, rows: Sequence[Row], dry_run: bool) -> None:
    """Makes the changes of these rows outside any transaction, then writes them in a short one."""
    changes: list[Change] = []
    async with database.session() as session:  # for its keys: no statement is sent
        for row in rows:
            try:
                change = remaking.change(session, done.place, row)
            except (Unsealable, ValueError, LookupError):
                done.failed.append(remaking.key_of(done.place, row))
            else:
                changes += [change] if change else []
    if dry_run or not changes:
        done.remade += len(changes)
        return
    try:
        written = await _write(database, done.place, changes)
    except IntegrityError:
        written = await _one_by_one(database, done, changes)
    done.remade += len(written)
    done.missed += [change.key for change in changes if change.key not in written and change.key not in done.failed]


async def _write(database: Database, place: Place, changes: Sequence[Change]) -> set[Key]:
    async with database.transaction() as session:
        return await queries.write(session, place, changes)


async def _one_by_one(database: Database, done: Turn, changes: Sequence[Change]) -> set[Key]:
    """Two rows have the same value, under two keys: whoever comes second cannot be made again, and does not stop the others."""
    written: set[Key] = set()
    for change in changes:
        try:
            written |= await _write(database, done.place, [change])
        except IntegrityError:
            done.failed.append(change.key)
    return written


async def survey(database: Database, *, batch: int, places: Sequence[Place] = PLACES) -> dict[str, Counter[Under]]:
    """`table.column` → how many of its values were made under which key and cipher. Indexes are made again to compare them."""
    counts: dict[str, Counter[Under]] = {}
    for place in places:
        async with database.reader() as session:
            for column in place.sealed:
                counts[f"{place.table}.{column}"] = await queries.sealed_under(session, place, column)
        for index in place.indexes:
            counts[f"{place.table}.{index.column}"] = Counter()
        if place.indexes:
            async for rows in _pages(database, place, batch):
                await _count_indexes(database, place, rows, counts)
    async with database.reader() as session:
        for derived in DERIVED:
            counts[f"{derived.place.table}.{derived.column}"] = await derived.survey(session)
    return counts


async def _count_indexes(database: Database, place: Place, rows: Sequence[Row], counts: dict[str, Counter[Under]]) -> None:
    async with database.session() as session:
        for index in place.indexes:
            made = (remaking.index_under(session, place, index, row) for row in rows if row[index.column] is not None)
            counts[f"{place.table}.{index.column}"].update(made)
