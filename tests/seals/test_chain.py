"""Every way to change history behind the application's back is found, and the first bad row is named."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import pytest
import sqlalchemy as sa

from app import clock
from app.auth import service as auth_service
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession, Database
from app.me import service as me_service
from app.seals import rows, service, signing
from app.seals.findings import Verdict, Wrong
from app.seals.rows import Kind
from app.seals.verifying import verify
from app.security.keys import KeyRing, MasterKeys
from tests.seals.conftest import Tamper

Earn = Callable[[], Awaitable[UUID]]
Row = tuple[Kind, UUID]


async def row_at(session: AsyncSession, block: int, kind: Kind) -> Row:
    found = await session.exec(
        sa.text("select row_id from seal_link where block = :block and kind = :kind order by position limit 1"),
        params={"block": block, "kind": int(kind)},
    )
    return kind, found.scalar_one()


def named(verdict: Verdict) -> tuple[Wrong, int | None, Row | None]:
    assert verdict.first is not None
    first = verdict.first
    return first.wrong, first.block, None if first.kind is None or first.row_id is None else (first.kind, first.row_id)


async def test_a_chain_that_nobody_touched_is_sound(database: Database, blocks: Sequence[int]) -> None:
    verdict = await verify(database)
    assert verdict.clean and verdict.first is None, list(verdict.findings())
    assert verdict.blocks == blocks[-1] and verdict.rows == verdict.links and not verdict.waiting
    small = await verify(database, size=3)
    assert (small.clean, small.blocks, small.links, small.rows) == (True, verdict.blocks, verdict.links, verdict.rows)


async def test_rows_of_each_table_are_sealed(session: AsyncSession, blocks: Sequence[int]) -> None:
    found = await session.exec(sa.text("select distinct kind from seal_link where block = :block"), params={"block": blocks[0]})
    assert {Kind(kind) for kind in found.scalars()} == set(Kind)


async def test_what_was_just_written_waits(database: Database, blocks: Sequence[int], earn: Earn) -> None:
    await earn()
    verdict = await verify(database)
    assert verdict.clean and verdict.waiting >= 5


UPDATES = {
    Kind.TRANSACTION: "amount = amount + 1", Kind.ENTRY: "amount = amount + 1", Kind.AWARD: "withheld = withheld + 1",
    Kind.EVENT: """facts = facts || '{"points": 11}'""",
}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.check("S44", part=True)
async def test_an_update_is_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, kind: Kind
) -> None:
    row = await row_at(session, blocks[2], kind)
    await tamper(f"update {kind.table} set {UPDATES[kind]} where id = :id", id=row[1])
    verdict = await verify(database)
    assert named(verdict) == (Wrong.CHANGED, blocks[2], row) and verdict.counts == {Wrong.CHANGED: 1}


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_column_is_covered(session: AsyncSession, blocks: Sequence[int], kind: Kind) -> None:
    """A new column is in the newest format, or its reason to be outside stands here. Released formats never change."""
    found = await session.exec(
        sa.text("select attname from pg_attribute where attrelid = to_regclass(:table) and attnum > 0 and not attisdropped"),
        params={"table": kind.table},
    )
    assert set(found.scalars()) == set(rows.COLUMNS[rows.FORMAT][kind])


def test_a_format_says_what_it_said() -> None:
    """What was released: its digests have to come out the same for ever."""
    assert rows.digest(Kind.EVENT, 1) == (
        "sha256(convert_to(json_build_array('audit_event', t.id, t.created_at at time zone 'UTC', t.actor_kind, t.actor_id, t.session_id,"
        " t.action, t.object_kind, t.object_id, t.area_path, t.outcome, t.reason, t.facts, t.request_id, t.address)::text, 'UTF8'))"
    )


async def test_a_digest_is_the_same_in_every_session(database: Database, session: AsyncSession, blocks: Sequence[int]) -> None:
    for setting in ("timezone = 'Asia/Shanghai'", "datestyle = 'German'", "intervalstyle = 'sql_standard'", "extra_float_digits = 0"):
        await session.exec(sa.text(f"set local {setting}"))
    assert (await verify(database)).clean


async def test_a_null_is_not_an_empty_text(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    row = await row_at(session, blocks[1], Kind.EVENT)
    await tamper("update audit_event set reason = '' where id = :id and reason is null", id=row[1])
    assert named(await verify(database)) == (Wrong.CHANGED, blocks[1], row)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.check("S44", part=True)
async def test_a_delete_is_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper, kind: Kind
) -> None:
    row = await row_at(session, blocks[1], kind)
    await tamper(f"delete from {kind.table} where id = :id", id=row[1])
    verdict = await verify(database)
    assert named(verdict) == (Wrong.DELETED, blocks[1], row) and verdict.counts == {Wrong.DELETED: 1}


async def test_audit_events_end_after_their_time(
    database: Database, session: AsyncSession, chain: None, tamper: Tamper
) -> None:
    """An id tells when it was made. A link cannot be given another id: the block's hash covers it."""
    old, new = "018c0000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000001"  # November 2023, September 2025
    for event in (old, new):
        await session.exec(sa.text(
            "insert into audit_event (id, created_at, actor_kind, action, object_kind, outcome, facts)"
            " values (:id, '2023-11-25', 'job', 'tests.old', 'test', 'ok', '{}')"), params={"id": UUID(event)})
    await service.seal(session)
    await tamper("delete from audit_event where id = :id", id=UUID(old))
    verdict = await verify(database)
    assert verdict.clean and verdict.pruned == 1
    await tamper("update seal_link set row_id = gen_random_uuid() where row_id = :id", id=UUID(old))
    assert Wrong.LINKS in (await verify(database)).counts


@pytest.mark.check("S44", part=True)
async def test_an_insert_past_the_triggers_is_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    row = await row_at(session, blocks[1], Kind.TRANSACTION)
    false = UUID("018c0000-0000-7000-8000-000000000002")
    await tamper(
        "insert into points_transaction (id, created_at, member_id, kind, amount, held, balance_after, account_version, reason_code,"
        " reference_type, reference_id) select :new, '2099-01-01', member_id, kind, amount, held, balance_after, 999, reason_code,"
        " reference_type, reference_id from points_transaction where id = :id", new=false, id=row[1])
    verdict = await verify(database)
    assert named(verdict) == (Wrong.UNSEALED, None, (Kind.TRANSACTION, false)) and verdict.counts == {Wrong.UNSEALED: 1}
    await service.seal_all(session)
    assert not (await verify(database)).clean, "the sealer does not take it in later"


REORDERED = {
    "positions in a block": "update seal_link set position = 1 - position where block = :one and position in (0, 1)",
    "digests in a block": "update seal_link l set digest = o.digest from seal_link o where l.block = :one and o.block = :one"
                          " and l.position in (0, 1) and o.position = 1 - l.position",
    "links of two blocks": "update seal_link set block = :one + :two - block where block in (:one, :two) and position = 0",
}


@pytest.mark.parametrize("how", REORDERED)
@pytest.mark.check("S44", part=True)
async def test_a_reordering_is_found(database: Database, blocks: Sequence[int], tamper: Tamper, how: str) -> None:
    await tamper(REORDERED[how], one=blocks[1], two=blocks[2])
    verdict = await verify(database)
    assert verdict.first is not None and verdict.first.block == blocks[1] and Wrong.LINKS in verdict.counts


async def test_two_blocks_that_change_places_are_found(database: Database, blocks: Sequence[int], tamper: Tamper) -> None:
    await tamper(
        "update seal_block set number = number + 1000 where number in (:one, :two)",
        "update seal_block set number = cast(:one as bigint) + :two + 1000 - number where number > 1000",
        "update seal_link set block = :one + :two - block where block in (:one, :two)",
        one=blocks[1], two=blocks[2],
    )
    verdict = await verify(database)
    assert verdict.first is not None and verdict.first.block == blocks[1]
    assert {Wrong.ORDER, Wrong.LINKS} <= set(verdict.counts)


async def test_a_cut_tail_leaves_rows_without_links(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    first, cut = await row_at(session, blocks[3], Kind.TRANSACTION), blocks[3]
    await tamper("delete from seal_block where number >= :cut", "delete from seal_link where block >= :cut", cut=cut)
    verdict = await verify(database)
    assert verdict.named[Wrong.UNSEALED].row_id == first[1] and set(verdict.counts) == {Wrong.UNSEALED}


async def test_a_block_taken_out_of_the_middle_is_found(database: Database, blocks: Sequence[int], tamper: Tamper) -> None:
    await tamper("delete from seal_block where number = :number", "delete from seal_link where block = :number", number=blocks[2])
    verdict = await verify(database)
    assert named(verdict) == (Wrong.MISSING, blocks[2], None) and Wrong.UNSEALED in verdict.counts


async def test_a_link_taken_out_of_the_middle_is_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    row = await row_at(session, blocks[2], Kind.AWARD)
    await tamper("delete from seal_link where row_id = :id", id=row[1])
    verdict = await verify(database)
    assert named(verdict) == (Wrong.LINKS, blocks[2], None) and verdict.named[Wrong.UNSEALED].row_id == row[1]


async def test_links_of_a_block_that_is_not_there_are_found(database: Database, blocks: Sequence[int], tamper: Tamper) -> None:
    await tamper("update seal_link set block = :far where block = :last and position = 0", far=blocks[-1] + 7, last=blocks[-1])
    verdict = await verify(database)
    assert {Wrong.LINKS, Wrong.MISSING} <= set(verdict.counts)


async def test_a_chain_made_anew_with_another_key_is_found(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    """Whoever has the database alone cannot sign. Under a name that no key has it is no better."""
    ours: KeyRing = session.info["keys"]
    for kid, wrong in ((ours.secret.active, Wrong.SIGNATURE), ("theirs", Wrong.UNVERIFIABLE)):
        await tamper("delete from seal_block", "delete from seal_link")
        session.info["keys"] = KeyRing(MasterKeys({kid: secrets.token_bytes(32)}), ours.field)
        await service.reopen(session)
        head = await service.seal_all(session)
        session.info["keys"] = ours
        assert head is not None
        verdict = await verify(database)
        assert named(verdict) == (wrong, 1, None) and verdict.counts == {wrong: head.number}


async def test_a_signature_is_of_one_key_only(session: AsyncSession) -> None:
    first, second = secrets.token_bytes(32), secrets.token_bytes(32)
    ring = KeyRing(MasterKeys({"k1": first, "k2": second}), MasterKeys({"f": secrets.token_bytes(32)}))
    made, kid = signing.sign(ring, signing.BLOCK, b"head")
    judged = [signing.judge(ring, signing.BLOCK, b"head", made, name) for name in (kid, "k2", "", "k9")]
    assert judged == [signing.Judged.GOOD, signing.Judged.WRONG, signing.Judged.UNKNOWN, signing.Judged.UNKNOWN]


async def test_the_first_of_many_is_named(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    late, early = await row_at(session, blocks[4], Kind.ENTRY), await row_at(session, blocks[1], Kind.AWARD)
    await tamper("update points_entry set amount = amount * 2 where id = :id", id=late[1])
    await tamper("delete from points_award where id = :id", id=early[1])
    for size in (1, 50_000):
        verdict = await verify(database, size=size)
        assert named(verdict) == (Wrong.DELETED, blocks[1], early) and verdict.counts == {Wrong.DELETED: 1, Wrong.CHANGED: 1}


async def test_a_quick_run_leaves_older_blocks_alone(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    row = await row_at(session, blocks[1], Kind.ENTRY)
    await tamper("update points_entry set amount = amount * 2 where id = :id", id=row[1])
    assert (await verify(database, since=blocks[2])).clean
    assert named(await verify(database, since=blocks[1])) == (Wrong.CHANGED, blocks[1], row)


@pytest.mark.variant("S44")
async def test_counting_finds_no_update(
    database: Database, session: AsyncSession, blocks: Sequence[int], tamper: Tamper
) -> None:
    """The known-bad variant: a verifier that compares how many rows and links there are."""
    kinds = " and ".join(
        f"(select count(*) from {kind.table}) = (select count(*) from seal_link where kind = {int(kind)})" for kind in Kind
    )
    counting = sa.text(f"select {kinds}")
    row = await row_at(session, blocks[2], Kind.ENTRY)
    await tamper("delete from points_entry where id = :id", id=row[1])
    assert not (await session.exec(counting)).scalar_one()
    row = await row_at(session, blocks[2], Kind.TRANSACTION)
    await tamper("delete from seal_link l where not exists (select from points_entry e where e.id = l.row_id) and kind = 2",
                 "update points_transaction set amount = amount + 1000 where id = :id", id=row[1])
    assert (await session.exec(counting)).scalar_one(), "it says that all is well"
    assert Wrong.CHANGED in (await verify(database)).counts


async def test_an_erasure_changes_nothing_sealed(
    database: Database, session: AsyncSession, blocks: Sequence[int], rider
) -> None:
    """History is wordless: what a person wrote, and who they were, stands elsewhere."""
    await auth_service.set_status(session, account_id=rider.id, status=AccountStatus.CANCELLING, erase_on=clock.today())
    assert await me_service.erase(session, member_id=rider.id) is not None
    verdict = await verify(database)
    assert verdict.clean and verdict.waiting
    await service.seal_all(session)
    verdict = await verify(database)
    assert verdict.clean and not verdict.waiting and verdict.head is not None and verdict.head.number > blocks[-1]
