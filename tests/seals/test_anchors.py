"""Anchors: what the chain alone cannot tell, keys that are retired, a database that was put back."""

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock
from app.db.session import AsyncSession, Database
from app.errors import AppError
from app.seals import anchors, queries, running, service
from app.seals.anchors import What
from app.seals.findings import Verdict, Wrong
from app.seals.verifying import verify
from app.security.keys import KeyRing, MasterKeys
from app.storage.store import ObjectStore
from tests.seals.conftest import Tamper
from tests.storage.conftest import bucket, s3_url
from tests.support.savepoints import OneConnection

__all__ = ["bucket", "s3_url"]
Earn = Callable[[], Awaitable[UUID]]
CUT = [
    f"delete from {table} t using seal_link l where l.row_id = t.id and l.block > :number"
    for table in ("points_award", "points_entry", "points_transaction", "audit_event")
] + ["delete from seal_link where block > :number", "delete from seal_block where number > :number"]


@pytest.fixture(params=["folder", "bucket"])
def kept(request: pytest.FixtureRequest) -> ObjectStore:
    found: ObjectStore = request.getfixturevalue(request.param)
    return found


async def anchored(session: AsyncSession, store: ObjectStore, what: What = What.HEAD) -> anchors.Anchor:
    head = await queries.head(session)
    assert head is not None
    return await anchors.write(store, session.info["keys"], head, what)


async def read(database: Database, store: ObjectStore, **options: int) -> Verdict:
    found, bad = await anchors.read(store)
    return await verify(database, found, bad, **options)


async def test_a_head_is_kept_and_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], earn: Earn, kept: ObjectStore
) -> None:
    """On a disk and in a bucket; the same hour's anchor of the same head stays as it is."""
    anchor = await anchored(session, kept)
    assert anchor.key == f"anchors/{clock.local(anchor.at):%Y/%m/%d/%H}00-{blocks[-1]}.json"
    before = await kept.get(anchor.key)
    assert (await anchored(session, kept)).key == anchor.key and await kept.get(anchor.key) == before
    with pytest.raises(AppError):
        await kept.put(anchor.key, b"{}")
    await earn()
    await service.seal(session)
    await anchored(session, kept)
    verdict = await read(database, kept)
    assert verdict.clean and verdict.last_anchor is not None and verdict.anchors >= 2


async def test_the_job_writes_one_an_hour(
    session: AsyncSession, blocks: Sequence[int], store: ObjectStore, run_job: Callable[..., Awaitable[None]]
) -> None:
    hash_ = (await queries.hashes(session, [blocks[-1]]))[blocks[-1]].hex()
    for _ in range(2):
        await run_job("seals.anchor")
    found, _ = await anchors.read(store)
    assert len([one for one in found if (one.number, one.hash) == (blocks[-1], hash_)]) in (1, 2)  # two at the turn of the hour


async def test_without_a_chain_there_is_no_anchor(
    chain: None, tamper: Tamper, store: ObjectStore, run_job: Callable[..., Awaitable[None]]
) -> None:
    await tamper("delete from seal_link", "delete from seal_block")
    before = len((await anchors.read(store))[0])
    await run_job("seals.anchor")
    assert len((await anchors.read(store))[0]) == before


@pytest.mark.check("S44", part=True)
async def test_a_tail_cut_off_with_its_rows_is_seen_by_the_anchor_only(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, folder: ObjectStore, earn: Earn
) -> None:
    """The known-bad variant is the check without anchors."""
    good = await anchors.write(folder, session.info["keys"], replace((await queries.head(session)), number=blocks[1], hash=(
        await queries.hashes(session, [blocks[1]]))[blocks[1]]))
    await anchored(session, folder)
    await tamper(*CUT, number=blocks[2])
    assert (await verify(database)).clean, "nothing in the database tells"
    for _ in range(3):
        verdict = await read(database, folder)
        assert verdict.counts == {Wrong.ANCHOR: 1} and verdict.first is not None and verdict.first.block == blocks[-1]
        assert verdict.first.note is not None and good.at.isoformat() in verdict.first.note
        await earn()
        await service.seal(session)  # the chain grows past the anchor's number again, with other hashes


@pytest.mark.check("S44", part=True)
async def test_a_chain_made_anew_with_our_own_key_is_seen_by_the_anchor_only(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, folder: ObjectStore
) -> None:
    await anchored(session, folder)
    await tamper("update points_transaction set reason_code = 'other'", "delete from seal_block", "delete from seal_link")
    await service.reopen(session)
    await service.seal_all(session)
    assert (await verify(database)).clean
    verdict = await read(database, folder)
    assert set(verdict.counts) == {Wrong.ANCHOR}
    assert verdict.first is not None and "the beginning" in str(verdict.first)


async def test_files_that_are_no_anchors_of_ours_are_named(
    database: Database, session: AsyncSession, blocks: Sequence[int], folder: ObjectStore
) -> None:
    anchor = await anchored(session, folder)
    content = json.loads(await folder.get(anchor.key))
    forged = {
        "anchors/2026/01/01/0000-1.json": json.dumps(content).encode(),  # another name than its own
        "anchors/2026/01/01/0100-7.json": b"not json",
        "anchors/2026/01/01/0200-8.json": b"[]",
        "anchors/2026/01/01/0300-9.json": json.dumps(content | {"number": "9"}).encode(),
    }
    for key, data in forged.items():
        await folder.put(key, data)
    verdict = await read(database, folder)
    assert verdict.counts == {Wrong.ANCHOR_FILE: len(forged)}
    other = await anchors.write(folder, replace(session.info["keys"], secret=MasterKeys({session.info["keys"].secret.active: bytes(32)})),
                                replace(await queries.head(session), number=blocks[0]))
    verdict = await read(database, folder)
    assert verdict.counts == {Wrong.ANCHOR_FILE: len(forged) + 1} and await folder.exists(other.key)


async def test_a_key_is_retired_once_the_chain_was_proved_under_the_next(
    database: Database, connection: AsyncConnection, session: AsyncSession, blocks: Sequence[int], folder: ObjectStore, earn: Earn
) -> None:
    first: KeyRing = session.info["keys"]
    added = KeyRing(MasterKeys({"s2": secrets.token_bytes(32)} | first.secret.keys), first.field)
    retired = replace(added, secret=MasterKeys({"s2": added.secret.keys["s2"]}))
    both, alone = (OneConnection(connection, session.info | {"keys": ring}) for ring in (added, retired))
    url = "file:///nonexistent"
    assert await running.keys(database, url) == [f"seal_block signed under {first.secret.active}: {blocks[-1]}"]
    async with both.session() as under_both:
        await earn()
        await service.seal(under_both)
        await under_both.commit()
        await anchored(under_both, folder)  # an hourly anchor under the next key proves nothing about the blocks before
    verdict = await running.check(alone, folder)
    assert verdict.counts == {Wrong.UNVERIFIABLE: blocks[-1]} and verdict.first is not None and verdict.first.block == 1
    assert (await running.check(both, folder, since=blocks[0])).clean == (await running.check(both, folder)).clean is True
    verdict = await running.check(alone, folder)
    assert verdict.clean and verdict.vouched_to == blocks[-1] + 1


async def test_rotate_keys_tells_which_key_the_chain_needs(
    connection: AsyncConnection, session: AsyncSession, blocks: Sequence[int], tmp_path, folder: ObjectStore
) -> None:
    first: KeyRing = session.info["keys"]
    added = KeyRing(MasterKeys({"s2": secrets.token_bytes(32)} | first.secret.keys), first.field)
    both = OneConnection(connection, session.info | {"keys": added})
    url, kid = f"file://{tmp_path / 'objects'}", first.secret.active
    assert await running.keys(both, url) == [f"seal_block signed under {kid}: {blocks[-1]}: keep it until audit-verify was clean under s2"]
    assert (await running.check(both, folder)).clean
    assert await running.keys(both, url) == [f"seal_block signed under {kid}: {blocks[-1]}: the chain can do without it"]


async def test_after_a_restore_anchors_beyond_it_are_void(
    database: Database, connection: AsyncConnection, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, folder: ObjectStore,
    earn: Earn, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Said once by the operator, with our key. What was anchored before the point that was gone back to still binds."""
    ring, moment = session.info["keys"], clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    heads = await queries.hashes(session, blocks)
    head = await queries.head(session)
    assert head is not None
    for hour, number in enumerate((blocks[1], blocks[4])):
        moment += timedelta(hours=hour)
        await anchors.write(folder, ring, replace(head, number=number, hash=heads[number]))
    await tamper(*CUT, number=blocks[2])
    moment += timedelta(hours=1)
    for _ in range(4):  # life went on before anybody checked
        await earn()
        await service.seal(session)
    assert (await running.check(database, folder)).counts == {Wrong.ANCHOR: 1}
    assert (await running.check(database, folder, restored=True)).clean
    verdict = await running.check(database, folder)
    assert verdict.clean and verdict.void == 1 and "1" in "".join(running.told(verdict))
    added = KeyRing(MasterKeys({"s2": secrets.token_bytes(32)} | ring.secret.keys), ring.field)
    moment += timedelta(hours=1)
    assert (await running.check(OneConnection(connection, session.info | {"keys": added}), folder)).clean
    retired = OneConnection(connection, session.info | {"keys": replace(added, secret=MasterKeys({"s2": added.secret.keys["s2"]}))})
    assert (await running.check(retired, folder)).clean, "the note of the restore was proved under the next key"
    await tamper(*CUT, number=blocks[0])
    assert Wrong.ANCHOR in (await running.check(database, folder)).counts


async def test_what_is_not_sound_is_not_signed(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, folder: ObjectStore
) -> None:
    await tamper("update points_entry set amount = amount + 1")
    for restored in (False, True):
        verdict = await running.check(database, folder, restored=restored)
        assert not verdict.clean and (await anchors.read(folder)) == ([], [])
    lines = list(running.told(verdict))
    assert lines[0].startswith("首处 / first: points_entry ") and "block 1" not in lines[-1] and "NOT sound" in lines[-1]


async def test_a_quick_run_reads_what_concerns_it(
    database: Database, session: AsyncSession, blocks: Sequence[int], folder: ObjectStore, tamper: Tamper
) -> None:
    head = await queries.head(session)
    assert head is not None
    for number, hash_ in (await queries.hashes(session, [blocks[0], blocks[-1]])).items():
        await anchors.write(folder, session.info["keys"], replace(head, number=number, hash=hash_))
    found, _ = await anchors.read(folder, since=blocks[1])
    assert [one.number for one in found] == [blocks[-1]]
    verdict = await running.check(database, folder, since=blocks[1])
    assert verdict.clean and verdict.anchors == 1
    await session.exec(sa.text("select 1"))
