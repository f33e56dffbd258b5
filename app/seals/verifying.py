"""Proving the chain: everything is computed again from the rows as they stand, and compared with what was sealed and with the anchors."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from app.db.session import Database
from app.seals import anchors as anchors_module
from app.seals import queries, rows, signing
from app.seals import queries_checking as checking
from app.seals.anchors import Anchor, What
from app.seals.findings import Finding, Verdict, Wrong
from app.seals.queries import Head
from app.seals.queries_checking import Block
from app.seals.rows import Kind
from app.seals.signing import Judged
from app.security import sealing
from app.security.keys import KeyRing

SIZE = 50_000  # rows that one statement looks at
Result = TypeVar("Result")
Tell = Callable[[str], None]


def silent(line: str) -> None:
    return None


async def verify(
    database: Database, anchors: Sequence[Anchor] = (), bad_files: Sequence[str] = (), *, since: int = 1, lanes: int = 1, size: int = SIZE,
    tell: Tell = silent,
) -> Verdict:
    """Never raises for what it finds. `since` leaves earlier blocks, and what was sealed in them, alone. `lanes` statements run at once.

    Anchors must have been read before: the chain may have grown since then, and nothing else.
    """
    began = time.monotonic()
    async with database.session() as session:  # for its keys: no statement is sent
        check = _Check(database, sealing.ring(session), Verdict(since), lanes, size, tell)
    await check.anchors(anchors, bad_files)
    await check.chain()
    await check.tables()
    check.verdict.seconds = time.monotonic() - began
    return check.verdict


@dataclass
class _Check:
    database: Database
    ring: KeyRing
    verdict: Verdict
    lanes: int
    size: int
    tell: Tell

    async def anchors(self, anchors: Sequence[Anchor], bad_files: Sequence[str]) -> None:
        verdict, since = self.verdict, self.verdict.since
        async with self.database.reader() as session:
            hashes = await queries.hashes(session, {anchor.number for anchor in anchors})
        void = anchors_module.void(anchors, self.ring)
        verdict.anchors, verdict.void = len(anchors), len(void)
        last_good: Anchor | None = None
        for anchor in anchors:
            judged, found = anchor.judged(self.ring), hashes.get(anchor.number, b"").hex() == anchor.hash
            if judged is Judged.WRONG:
                verdict.add(Finding(Wrong.ANCHOR_FILE, note=anchor.key))
            elif found:
                last_good = anchor
                if anchor.what is What.VERIFIED and judged is Judged.GOOD:
                    verdict.vouched_to = max(verdict.vouched_to, anchor.number)
            elif anchor.key not in void and anchor.number >= since:
                after = last_good.at.isoformat() if last_good else "the beginning"
                note = f"cut or rebuilt since {after}, before this was anchored: {anchor.key}"
                verdict.add(Finding(Wrong.ANCHOR, anchor.number, note=note))
        verdict.last_anchor = last_good.at if last_good else None
        for key in bad_files:
            verdict.add(Finding(Wrong.ANCHOR_FILE, note=key))

    async def chain(self) -> None:
        verdict, since = self.verdict, self.verdict.since
        spans = await checking.spans(self.database, since=since, size=self.size)
        before = signing.GENESIS if since == 1 else await checking.hash_of(self.database, since - 1)
        expected, told = since, 0
        async for blocks in in_order(self.lanes, (checking.blocks(self.database, *span) for span in spans)):
            for block in blocks:
                if block.there and block.number > expected:
                    self._missing(expected, block.number - expected)
                await self._judge(block, before if block.number == expected else None)
                if block.there:
                    before, expected = block.hash, block.number + 1
            if verdict.links // 1_000_000 > told:
                told = verdict.links // 1_000_000
                self.tell(f"{verdict.blocks} blocks, {verdict.links} links")

    def _missing(self, number: int, count: int) -> None:
        self.verdict.add(Finding(Wrong.MISSING, number, note=f"{count} of them" if count > 1 else None), count=count)

    async def _judge(self, block: Block, before: bytes | None) -> None:
        """`before` None: the block before is not there, which is told already."""
        verdict, number = self.verdict, block.number
        verdict.links += block.links
        if not block.there or block.hash is None or block.signature is None or block.kid is None or block.sealed_at is None:
            verdict.add(Finding(Wrong.MISSING, number, note=f"{block.links} links of it are there"))
            return
        verdict.blocks += 1
        verdict.head = Head(number, block.hash, block.sealed_at)
        if before is not None and block.previous != before:
            verdict.add(Finding(Wrong.ORDER, number))
        if block.format not in rows.COLUMNS:
            verdict.add(Finding(Wrong.FORMAT, number, note=str(block.format)))
            return
        await self._rows(block)
        if not block.sound:
            verdict.add(Finding(Wrong.LINKS, number))
        judged = signing.judge(self.ring, signing.BLOCK, block.hash, block.signature, block.kid)
        if judged is Judged.WRONG:
            verdict.add(Finding(Wrong.SIGNATURE, number))
        elif judged is Judged.UNKNOWN and number > verdict.vouched_to:
            verdict.add(Finding(Wrong.UNVERIFIABLE, number, note=block.kid))

    async def _rows(self, block: Block) -> None:
        self.verdict.pruned += block.pruned or 0
        for wrong, count, first in (
            (Wrong.CHANGED, block.changed, block.first_changed), (Wrong.DELETED, block.gone, block.first_gone),
        ):
            if count and first is not None:
                kind, row_id = await checking.link(self.database, block.number, first)
                self.verdict.add(Finding(wrong, block.number, first, kind, row_id), count=count)

    async def tables(self) -> None:
        """Rows that no block has and that do not wait for one. A table is looked at up to where the sealer has caught up with it."""
        async with self.database.reader() as session:
            backlog = await queries.backlog(session)
            self.verdict.waiting = (await queries.waiting(session)).rows
        self.verdict.before = bool(backlog)
        for kind in Kind:
            if kind in backlog and backlog[kind] is None:
                continue
            spans = [span async for span in self._spans(kind, backlog.get(kind))]
            async for found, loose in in_order(self.lanes, (checking.loose(self.database, kind, *span) for span in spans)):
                self.verdict.rows += found
                if loose:
                    self.verdict.add(Finding(Wrong.UNSEALED, kind=kind, row_id=loose[0]), count=len(loose))

    async def _spans(self, kind: Kind, up_to: UUID | None) -> AsyncIterator[tuple[UUID | None, UUID | None]]:
        after: UUID | None = None
        while True:
            end = await checking.next_id(self.database, kind, after, size=self.size)
            if end is None or (up_to is not None and end >= up_to):
                yield after, up_to
                return
            yield after, end
            after = end


async def in_order(lanes: int, works: Iterable[Coroutine[None, None, Result]]) -> AsyncIterator[Result]:
    """What the works give, in their order; so many of them run at once."""
    waiting, running = iter(works), deque[asyncio.Task[Result]]()
    try:
        while True:
            while len(running) < lanes and (work := next(waiting, None)) is not None:
                running.append(asyncio.create_task(work))
            if not running:
                return
            yield await running.popleft()
    finally:
        for task in running:
            task.cancel()
