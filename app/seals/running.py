"""A check from beginning to end, as the operator's command and the nightly job run it, and the words for it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from app import clock
from app.db.session import AsyncSession, Database
from app.seals import anchors, archiving, queries, verifying
from app.seals.anchors import Anchor, What
from app.seals.findings import Finding, Verdict, Wrong
from app.seals.queries import Head
from app.seals.signing import Judged
from app.seals.verifying import Tell, silent
from app.security import sealing
from app.storage.store import ObjectStore, open_store

LOOKED_BACK = timedelta(hours=26)


async def check(
    database: Database, store: ObjectStore, *, since: int = 1, lanes: int = 1, restored: bool = False, tell: Tell = silent
) -> Verdict:
    """A clean check of everything is signed and kept with the anchors, under the key that is active now: the chain up to there stands by
    it, so the keys that signed its blocks may be retired.

    `restored`: the database was put back to an earlier time, so anchors beyond the newest that is still in the chain are void. That is
    written there as well, for later checks; nothing is written unless all else is clean.
    """
    kept, bad_files = await anchors.read(store, since=since)
    async with database.reader() as session:
        ring, back = sealing.ring(session), await _went_back_to(session, kept) if restored else None
    if back is not None:
        kept = [anchor for anchor in kept if anchor.number <= back.number]
    verdict = await verifying.verify(database, kept, bad_files, since=since, lanes=lanes, tell=tell)
    for wrong in await archiving.prove(database, store) if since == 1 else ():
        verdict.add(Finding(Wrong.ARCHIVE, note=wrong))
    if verdict.clean and since == 1 and verdict.head is not None:
        if back is not None:
            await anchors.write(store, ring, back, What.RESTORED)
        await anchors.write(store, ring, verdict.head, What.VERIFIED)
    return verdict


async def check_copy(database: Database, store: ObjectStore, *, lanes: int = 1) -> Verdict:
    """A database that was restored beside the living one, against the living one's anchors: those beyond its end say nothing against it,
    and nothing is written to them."""
    kept, bad_files = await anchors.read(store)
    async with database.reader() as session:
        end = await _went_back_to(session, kept)
    return await verifying.verify(database, [anchor for anchor in kept if end and anchor.number <= end.number], bad_files, lanes=lanes)


async def lately(database: Database) -> int:
    """The block from which on a daily look begins: what the day before has looked at already is not read again."""
    async with database.reader() as session:
        return await queries.first_since(session, clock.now() - LOOKED_BACK)


async def _went_back_to(session: AsyncSession, kept: Sequence[Anchor]) -> Head | None:
    """The newest block that both the chain and an anchor have; the first block where no anchor is in the chain."""
    hashes = await queries.hashes(session, {1, *(anchor.number for anchor in kept)})
    known = [anchor.number for anchor in kept if hashes.get(anchor.number, b"").hex() == anchor.hash]
    number = max(known, default=1)
    return Head(number, hashes[number], clock.now()) if number in hashes else None


def told(verdict: Verdict) -> Iterator[str]:
    """The lines of the command: what is wrong first, then the figures."""
    for place, (finding, count) in enumerate(verdict.findings()):
        yield f"{'首处 / first: ' if place == 0 else ''}{finding}{f' — {count} in all' if count > 1 else ''}"
    yield (
        f"区块 / blocks {verdict.blocks}, 封存 / links {verdict.links}, 记录 / rows {verdict.rows}, 到期清除 / pruned {verdict.pruned}, "
        f"待封存 / waiting {verdict.waiting}, {verdict.seconds:.1f} s"
    )
    last = verdict.last_anchor.isoformat() if verdict.last_anchor else "none"
    void = f", 恢复后作废 / void after a restore {verdict.void}" if verdict.void else ""
    yield f"锚点 / anchors {verdict.anchors}{void}, 最近 / newest in the chain {last}"
    if verdict.before:
        yield "链建立之前的记录尚未全部封存 / rows from before the chain are still being sealed: run it again later"
    yield "封存完好 / the chain is sound" if verdict.clean else "封存已被破坏 / the chain is NOT sound"


async def keys(database: Database, store_url: str) -> list[str]:
    """Which keys of the secret ring signed how many blocks, and which of them the chain can do without."""
    async with database.reader() as session:
        ring, signed = sealing.ring(session), await queries.signed_under(session)
    active = ring.secret.active
    if set(signed) <= {active}:
        return [f"seal_block signed under {kid}: {blocks}" for kid, (blocks, _) in signed.items()]
    store = open_store(store_url)
    try:
        kept, _ = await anchors.read(store)
    finally:
        await store.aclose()
    proved = max(
        (one.number for one in kept if one.what is What.VERIFIED and one.kid == active and one.judged(ring) is Judged.GOOD), default=0
    )
    return [
        f"seal_block signed under {kid}: {blocks}" + ("" if kid == active else f": {_free(last <= proved, active)}")
        for kid, (blocks, last) in signed.items()
    ]


def _free(proved: bool, active: str) -> str:
    return "the chain can do without it" if proved else f"keep it until audit-verify was clean under {active}"
