"""What the service sent is played again: every value by rule, the same statements, the same round trips."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import sqlalchemy as sa

from app.bench import pgbench, playing
from app.bench.pgbench import Impossible, Task, Written
from app.bench.recorded import Recording, Sent
from app.bench.recording import CURRENT, Protocol
from app.bench.script import Taken, Unlike, learned, verbatim, without_pings
from app.bench.sources import Answered, Constant, FreshHex, FreshId, FromGiven, Inside, Moment, Pieces
from app.db import acting
from app.db import session as db_session
from app.settings import Settings

ALIKE = ("role", "timezone", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
AT = datetime(2026, 11, 30, 8, tzinfo=UTC)
PARENT = UUID("019ac2cc-1b95-7b8a-9a63-3956247a2bd3")


def sent(statement: str, *bound: Any, rows: Sequence[tuple[Any, ...]] = (), columns: tuple[str, ...] = ("id",)) -> Sent:
    types = tuple("uuid" if isinstance(one, UUID) else "text" for one in bound)
    return Sent(statement, (bound,) if bound else (), types, columns, tuple(rows), 0)


def one_order(member: UUID, order: UUID, number: str, *, branch: bool = False, lng: float = 116.5) -> Taken:
    """As the service would: reads, an insertion with a new id, a message that names it."""
    recording = Recording(AT, 201, b'{"id": 1}')
    recording.sent = [
        sent("BEGIN;"), sent(";"), sent("ROLLBACK;"),
        sent("BEGIN ISOLATION LEVEL READ COMMITTED;"),
        sent("select id, number from member where id = $1", member, rows=[(PARENT, number)], columns=("id", "number")),
        *([sent("select 1", "x")] if branch else []),
        sent("insert into redemption values ($1, $2, $3, $4)", order, number, AT + timedelta(days=30, seconds=member.int % 7), lng + 0.001),
        sent("insert into message values ($1, $2)", uuid4(), f"pages/redemptions/detail?id={order}&no={number}"),
        sent("COMMIT;"),
    ]
    return Taken(recording, {"member": member, "lng": lng})


@pytest.fixture
def two() -> tuple[Taken, Taken]:
    return one_order(UUID(int=15), uuid4(), "D20261130-000001"), one_order(UUID(int=23), uuid4(), "D20261130-000002", lng=117.25)


def test_each_value_has_its_source(two: tuple[Taken, Taken]) -> None:
    begun, read, ordered, told, done = learned(*two).steps
    assert begun.bound == done.bound == ()
    assert read.bound == ((FromGiven("member"),),)
    order, number, expiry, lng = ordered.bound[0]
    assert (order, number) == (FreshId(0), Answered(1, 0, 1, "number"))
    assert isinstance(expiry, Moment) and expiry.after >= timedelta(days=30)
    assert isinstance(lng, FromGiven) and lng.name == "lng" and lng.shift == pytest.approx(0.001)
    assert told.bound[0][0] == FreshId(1)
    text = told.bound[0][1]
    assert isinstance(text, Pieces)
    assert [part for part in text.parts if not isinstance(part, Constant)] == [FreshId(0), Answered(1, 0, 1, "number")]


def test_a_row_that_was_chosen_comes_from_the_same_column_and_a_key_of_an_object_is_fresh() -> None:
    def taken(lots: list[UUID], chosen: int, folder: str, name: str) -> Taken:
        read = sent("select id from points_lot where member_id = $1", PARENT, rows=[(lot,) for lot in lots])
        return Taken(Recording(AT, 200, b"{}", [read, sent("insert into x values ($1, $2)", lots[chosen], f"uploads/{folder}/{name}")]), {})

    lots, others = [uuid4() for _ in range(3)], [uuid4() for _ in range(2)]
    script = learned(taken(lots, 2, "d5", "a" * 30), taken(others, 0, "e1", "b" * 30))
    lot, key = script.steps[1].bound[0]
    assert lot == Answered(0, 2, 0, "id")
    assert isinstance(key, Pieces) and [part for part in key.parts if not isinstance(part, Constant)] == [FreshHex(0, 2), FreshHex(1, 30)]


def test_what_lies_within_an_answer_is_found_there_again() -> None:
    def taken(area: UUID, path: str) -> Taken:
        told = json.dumps([{"id": str(uuid4()), "path": "/37/"}, {"id": str(area), "path": path}])
        read = sent("select json_agg(a) as around from area a", rows=[(told,)], columns=("around",))
        return Taken(Recording(AT, 200, b"{}", [read, sent("insert into report values ($1, $2)", area, path)]), {})

    area, path = learned(taken(uuid4(), "/37/08/"), taken(uuid4(), "/37/09/")).steps[1].bound[0]
    cell = Answered(0, 0, 0, "around")
    assert (area, path) == (Inside(cell, (1, "id"), True), Inside(cell, (1, "path"), False))
    assert isinstance(area, Inside) and area.read(json.dumps([0, {"id": str(PARENT)}])) == PARENT


class Wire:
    """A connection that gives what was recorded, and keeps what it is sent."""

    def __init__(self, recording: Recording) -> None:
        self.answers = iter(without_pings(recording.sent))
        self.heard: list[tuple[str, tuple[Any, ...]]] = []

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[tuple[Any, ...]]:
        self.heard.append((statement, arguments))
        return next(self.answers).rows

    async def execute(self, statement: str) -> None:
        await self.fetch(statement)


async def test_a_playing_sends_what_was_recorded_with_fresh_values_alone_its_own(two: tuple[Taken, Taken]) -> None:
    first, second = two
    wire = Wire(second.recording)
    played = await playing.play(wire, learned(first, second), second.given)
    recorded = [(one.statement, one.bound[0] if one.bound else ()) for one in second.sent]
    assert [statement for statement, _ in wire.heard] == [statement for statement, _ in recorded]
    assert wire.heard[1] == recorded[1] and wire.heard[2][1][1] == "D20261130-000002"
    assert wire.heard[2][1][0] == played.ids[0] != second.sent[2].bound[0][0]
    assert wire.heard[2][1][3] == pytest.approx(117.251)
    assert wire.heard[3][1] == (played.ids[1], f"pages/redemptions/detail?id={played.ids[0]}&no=D20261130-000002")


async def test_a_write_that_gives_nothing_any_more_is_no_playing() -> None:
    one = sent("update redemption set x = 1 where id = $1 returning id", PARENT, rows=[(PARENT,)])
    recording = Recording(AT, 200, b"{}", [one])
    script = verbatim(recording)
    assert await playing.play(Wire(recording), script, {})
    with pytest.raises(playing.Missing):
        await playing.play(Wire(Recording(AT, 200, b"{}", [sent(one.statement, PARENT)])), script, {})


def test_requests_that_went_different_ways_are_not_one_script(two: tuple[Taken, Taken]) -> None:
    with pytest.raises(Unlike, match="6 and 5"):
        learned(one_order(UUID(int=8), uuid4(), "D20261130-000003", branch=True), two[1])


def test_a_pools_own_question_is_none_of_the_statements() -> None:
    every = [sent("BEGIN;"), sent(";"), sent("ROLLBACK;"), sent("select 1", "a"), sent(";"), sent("BEGIN;"), sent("COMMIT;")]
    assert [one.statement for one in without_pings(every)] == ["select 1", "BEGIN;", "COMMIT;"]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    monkeypatch.setattr(asyncpg.protocol, "Protocol", Protocol)
    recording = Recording(AT)
    token = CURRENT.set(recording)
    yield recording
    CURRENT.reset(token)


async def test_all_that_goes_over_the_wire_is_seen(database_url: str, recorded: Recording) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        async with connection.transaction():
            await connection.fetch("select $1::int8 as one, $2::uuid[] as many", 1, [PARENT])
            await connection.execute("create temporary table seen (n int8)")
            await connection.executemany("insert into seen values ($1)", [(1,), (2,)])
    finally:
        await connection.close()
    own = [one for one in recorded.sent if not any(word in one.statement for word in ("typeinfo", "'jit'"))]  # the driver asks, too
    asked = [(one.statement, one.bound, one.types, one.rows, one.many) for one in own]
    assert asked[0][:3] == ("BEGIN;", (), ())
    assert asked[1] == ("select $1::int8 as one, $2::uuid[] as many", ((1, [PARENT]),), ("int8", "uuid[]"), ((1, [PARENT]),), False)
    assert asked[3] == ("insert into seen values ($1)", ((1,), (2,)), ("int8",), (), True)
    assert asked[-1][0] == "COMMIT;"


@pytest.mark.parametrize("value", ["it's :me", "a\\b\n:c", b"\x00:", ["x", None], AT, 1.5, True, None])
def test_a_literal_holds_nothing_that_pgbench_would_replace(value: Any) -> None:
    assert not pgbench.VARIABLE.search(pgbench.quoted(value))


def test_what_pgbench_cannot_be_told_is_said() -> None:
    with pytest.raises(Impossible, match="type set"):
        pgbench.quoted({1})
    asked = Recording(AT, 200, b"{}", [sent("select to_char(now(), 'HH24:MI')", "a")])
    with pytest.raises(Impossible, match="colon"):
        _ = Written(verbatim(asked), None).text


async def test_pgbench_plays_it_too(database_url: str, committed: object) -> None:
    """Values that are given, fresh, and out of an answer of several rows: of a playing, the last."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "create table bench_source (id uuid, note text); create table bench_taken (id uuid primary key, source uuid, note text);"
            "insert into bench_source select gen_random_uuid(), 'it''s :one' from generate_series(1, 3);"
            "grant all on bench_source, bench_taken to public"
        )

        def taken(note: str, rows: list[UUID]) -> Taken:
            made = sent("insert into bench_taken values ($1, $2, $3)", uuid4(), rows[-1], note)
            read = sent("select id from bench_source where note = $1", "it's :one", rows=[(one,) for one in rows])
            return Taken(Recording(AT, 201, b"{}", [read, made]), {"note": note})

        script = learned(taken("a note of the first", [uuid4(), uuid4()]), taken("a note of the other", [uuid4(), uuid4()]))
        items = [{"note": f"number {number}"} for number in range(8)]
        table = await pgbench.lay_out(database_url, "test", items)
        task = Task(database_url, [Written(script, table).text], 2, 1.0, first=2, count=6)
        found = await asyncio.to_thread(pgbench.run, task)
        notes = await connection.fetch("select t.note from bench_taken t join bench_source s on s.id = t.source order by 1")
    finally:
        await connection.execute("drop table if exists bench_source, bench_taken, bench_item_test")
        await connection.close()
    assert [row[0] for row in notes] == [f"number {number}" for number in range(2, 8)]
    assert len(found.times) == 2 and found.rate > 0  # of each client the first two prepare


async def test_the_peers_say_of_themselves_what_the_service_says(settings: Settings) -> None:
    """Row security asks least of who says nothing: they would be spared what the service pays."""
    url, names = str(settings.database_url), [*ALIKE, *acting.start_settings(acting.NOBODY)]
    asked = "select " + ", ".join(f"current_setting('{name}', true)" for name in names)
    peer = await playing.connect(url)
    service = db_session.connect(url, info={}, pool_size=1, acting_for=acting.NOBODY)
    async with service.engine.connect() as connection:
        said = tuple((await connection.execute(sa.text(asked))).one())
    assert tuple(await peer.fetchrow(asked)) == said and said[names.index("xinxin.wall")] == acting.WALL
    await peer.close()
    await service.close()
