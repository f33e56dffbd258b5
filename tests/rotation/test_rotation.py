"""Re-making: everything, once, without overwriting anybody's write, stopping for nobody, telling what it could not."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.auth import queries as auth_queries
from app.auth.models import AccessGrant, Account
from app.auth.roles import Role, ScopeType
from app.clock import now
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.idempotency import service as idempotency_service
from app.idempotency.service import Answer
from app.members import queries as members_queries
from app.members import service as members_service
from app.rotation import queries, reporting, service
from app.rotation.fields import PLACES, Place
from app.rotation.service import Turn
from app.security import sealing
from app.security.sealing import Under
from tests.rotation.conftest import Opening, ring
from tests.rotation.people import OPENIDS, PHONES, account, owners
from tests.rotation.test_side_by_side import only_the_active_key

BY_TABLE = {place.table: place for place in PLACES}
BATCH = 7


async def rotated(database: Database, *, dry_run: bool = False) -> dict[str, Turn]:
    return {place.table: await service.turn(database, place, batch=BATCH, dry_run=dry_run) for place in PLACES}


async def left(database: Database) -> Counter[Under]:
    return sum((await service.survey(database, batch=BATCH)).values(), Counter())


@pytest.mark.parametrize("cipher", ["aes-256-gcm", "sm4-gcm"])
async def test_all_is_remade_and_the_old_key_may_go(opening: Opening, cipher: str) -> None:
    before, turning, after = opening("k1"), opening("k2", "k1", cipher=cipher), opening("k2", cipher=cipher)
    told = [(next(OPENIDS), next(PHONES), f"王小{number}") for number in range(20)]
    made = [await account(before, *one) for one in told]
    dry = await rotated(turning, dry_run=True)
    assert (dry["account"].remade, dry["member"].remade) == (20, 20) and set(await left(turning)) == {Under("k1", "aes-256-gcm")}
    turns = await rotated(turning)
    assert (turns["account"].remade, turns["member"].remade) == (20, 20) and not any(turn.failed or turn.missed for turn in turns.values())
    assert await left(turning) == {Under("k2", cipher): 5 * 20}
    assert not any(turn.remade for turn in (await rotated(turning)).values()), "what is done is known by the value itself"
    async with after.transaction() as session:
        for one, (openid, phone, name) in zip(made, told, strict=True):
            found = await auth_queries.by_openid(session, openid=openid)
            assert found is not None and found.id == one == await auth_queries.account_by_phone(session, phone=phone)
            assert await auth_queries.phone_of(session, account_id=one) == phone
            assert await members_queries.real_name(session, member_id=one) == name


async def test_a_stopped_run_goes_on(opening: Opening) -> None:
    before, turning = opening("k1"), opening("k2", "k1")
    for _ in range(3 * BATCH):
        await account(before, phone=next(PHONES))
    stopped = StopsAfter(turning, writes=2)
    with pytest.raises(ConnectionError):
        await service.turn(stopped, BY_TABLE["account"], batch=BATCH)
    assert (await left(turning))[Under("k2", "aes-256-gcm")] == 2 * BATCH * 4
    done = await service.turn(turning, BY_TABLE["account"], batch=BATCH)
    assert (done.seen, done.remade) == (3 * BATCH, BATCH)


class StopsAfter(Database):
    def __init__(self, database: Database, *, writes: int) -> None:
        super().__init__(database.engine, database._info)
        self.writes = writes

    @asynccontextmanager
    async def transaction(self) -> Any:
        self.writes -= 1
        if self.writes < 0:
            raise ConnectionError
        async with super().transaction() as session:
            yield session


class Meddling(Database):
    """Between the reading and the writing of a batch, somebody else commits."""

    def __init__(self, database: Database, meddle: Any) -> None:
        super().__init__(database.engine, database._info)
        self.meddle = meddle

    @asynccontextmanager
    async def transaction(self) -> Any:
        meddle, self.meddle = self.meddle, None
        if meddle is not None:
            await meddle()
        async with super().transaction() as session:
            yield session


@pytest.mark.parametrize("blind", [False, True], ids=["unchanged", "blind"])
async def test_a_write_between_reading_and_writing_stays(opening: Opening, blind: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if blind:  # the known-bad variant
        monkeypatch.setattr(queries, "unchanged", lambda place: "true")
    before, turning = opening("k1"), opening("k2", "k1")
    person = await account(before, name="王小明")

    async def renames() -> None:
        async with before.transaction() as session:  # a replica that was not started again yet: under the old key
            await members_service.set_profile(session, member_id=person, real_name="王大明")

    done = await service.turn(Meddling(turning, renames), BY_TABLE["member"], batch=BATCH)
    async with turning.reader() as session:
        name = await members_queries.real_name(session, member_id=person)
        assert name == ("王小明" if blind else "王大明"), "the judge must see a lost write"
    assert set(await left(turning)) >= {Under("k2", "aes-256-gcm")} and not done.missed and done.remade == 1


async def test_hammered_rows_keep_their_last_word(opening: Opening) -> None:
    """Several write the same names again and again, under either key, while turn follows turn: what was committed last is what is read."""
    before, turning = opening("k1", "k2"), opening("k2", "k1")
    people = [await account(before, name="起名") for _ in range(4)]
    words: dict[UUID, str] = {}
    stop = asyncio.Event()

    async def writes(database: Database, person: UUID, rounds: int) -> None:
        for number in range(rounds):
            async with database.transaction() as session:
                words[person] = f"名{number}-{id(database) % 997}"
                await members_service.set_profile(session, member_id=person, real_name=words[person])

    async def turns() -> int:
        remade = 0
        while not stop.is_set():
            remade += (await service.turn(turning, BY_TABLE["member"], batch=2)).remade
        return remade

    turning_on = asyncio.create_task(turns())
    await asyncio.gather(*(writes(before if at % 2 else turning, person, 40) for at, person in enumerate(people)))
    stop.set()
    assert await turning_on > 0
    await service.turn(turning, BY_TABLE["member"], batch=2)
    async with opening("k2").reader() as session:
        assert {person: await members_queries.real_name(session, member_id=person) for person in people} == words


async def test_a_held_row_is_left_for_later(opening: Opening) -> None:
    """It waits for nobody, so nobody's request can be the victim of a deadlock with it."""
    before, turning = opening("k1"), opening("k2", "k1")
    held, *rest = [await account(before, phone=next(PHONES)) for _ in range(5)]
    async with before.session() as holder:
        await auth_queries.lock_account(holder, held)
        turning_on = asyncio.create_task(service.turn(turning, BY_TABLE["account"], batch=BATCH))
        while len(await under_the_new_key(turning)) < len(rest):
            assert not turning_on.done()
            await asyncio.sleep(0.01)
        assert await under_the_new_key(turning) == set(rest)
        await holder.commit()
    done = await turning_on
    assert (done.seen, done.remade, done.missed) == (5, 5, []) and await under_the_new_key(turning) == {held, *rest}


async def under_the_new_key(database: Database) -> set[UUID]:
    async with database.reader() as session:
        rows = (await session.exec(sa.select(col(Account.id), col(Account.phone_sealed)))).all()
        return {row for row, sealed in rows if sealing.made_under(sealed).kid == "k2"}


async def test_what_cannot_be_remade_is_named_and_stops_nothing(opening: Opening) -> None:
    """A value that was tampered with, one whose key is gone, and a number that two accounts have."""
    before, turning, lost = opening("k1"), opening("k2", "k1"), opening("k3")
    good = [await account(before, phone=next(PHONES)) for _ in range(3)]
    tampered, gone = await account(before, phone=next(PHONES)), await account(lost, phone=next(PHONES))
    async with before.transaction() as session:
        await session.exec(sa.update(Account).where(col(Account.id) == tampered).values(phone_sealed=b"\x01\x01\x02k1" + bytes(40)))
    turns = await rotated(turning)
    assert set(turns["account"].failed) == {(tampered,), (gone,)} and turns["account"].remade == len(good)
    lines = list(reporting.failures(list(turns.values())))
    assert sorted(lines) == sorted(f"account {one}: cannot be made again" for one in (tampered, gone))
    found = await service.survey(turning, batch=BATCH)
    verdict, clean = reporting.verdict(found, ring("k2", "k1"))
    assert not clean and "k1: 3 left" in verdict and "k3: 2 left" in verdict and "?/?: 3 left" in verdict
    many = Turn(BY_TABLE["account"], failed=[(new_id(),) for _ in range(reporting.NAMED + 3)])
    assert list(reporting.failures([many]))[-1] == "account: and 3 more"


async def test_one_value_twice_is_named(opening: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "hold", only_the_active_key)
    old, turning, phone = opening("k1", "k2"), opening("k2", "k1"), next(PHONES)
    first, other = await account(old), await account(old, phone=next(PHONES))
    second = await account(turning)
    async with turning.transaction() as session:
        index = sealing.blind_index(session, phone, purpose="phone")
        sealed = sealing.seal(session, phone, table="account", column="phone", row=second)
        await session.exec(sa.update(Account).where(col(Account.id) == second).values(phone_index=index, phone_sealed=sealed))
    async with old.transaction() as session:
        index = sealing.blind_index(session, phone, purpose="phone")
        sealed = sealing.seal(session, phone, table="account", column="phone", row=first)
        await session.exec(sa.update(Account).where(col(Account.id) == first).values(phone_index=index, phone_sealed=sealed))
    assert set(await owners(turning, "phone", phone)) == {first, second}
    done = await service.turn(turning, BY_TABLE["account"], batch=BATCH)
    assert done.failed == [(first,)] and other in await under_the_new_key(turning)


async def test_a_number_that_only_left_its_mask_is_found_again(opening: Opening) -> None:
    """Roles that waited for a number before it was sealed beside its index."""
    before, turning, after = opening("k1"), opening("k2", "k1"), opening("k2")
    phone, blank = next(PHONES), next(PHONES)
    async with before.transaction() as session:
        for number, mask in ((phone, f"{phone[:3]}****{phone[-4:]}"), (blank, None)):
            session.add(AccessGrant(
                id=new_id(), phone_index=sealing.blind_index(session, number, purpose="phone"), phone_masked=mask, role=Role.REVIEWER,
                scope_type=ScopeType.AREA, scope_id=new_id(), valid_until=now(),
            ))
    done = await service.turn(turning, BY_TABLE["access_grant"], batch=BATCH)
    assert (done.remade, len(done.failed)) == (1, 1)
    async with after.reader() as session:
        index = sealing.blind_index(session, phone, purpose="phone")
        kept = (await session.exec(sa.select(AccessGrant).where(col(AccessGrant.phone_index) == index))).scalar_one()
        assert kept.phone_sealed is not None
        assert sealing.unseal(session, kept.phone_sealed, table="access_grant", column="phone", row=kept.id) == phone


async def test_a_key_of_two_columns(opening: Opening) -> None:
    """Remembered answers have no id of their own."""
    before, turning, after = opening("k1"), opening("k2", "k1"), opening("k2")
    person, keys = new_id(), [f"key-{number}" for number in range(2 * BATCH + 1)]
    async with before.transaction() as session:
        for key in keys:
            await idempotency_service.remember(session, account_id=person, key=key, answer=Answer(b"f", 201, "text/plain", key.encode()))
    done = await service.turn(turning, BY_TABLE["idempotency_key"], batch=BATCH)
    assert (done.seen, done.remade) == (len(keys), len(keys))
    async with after.reader() as session:
        found = [await idempotency_service.find(session, account_id=person, key=key) for key in keys]
    assert [one.body.decode() for one in found if one] == keys


async def test_every_place_can_be_read_and_written(opening: Opening) -> None:
    """The statements of each place are sound SQL on its table, whether or not it has rows."""
    async with opening("k2", "k1").session() as session:
        for place in PLACES:
            await speaks_to(session, place)


async def speaks_to(session: AsyncSession, place: Place) -> None:
    assert await queries.page(session, place, after=None, limit=3) == []
    nowhere = tuple("x" if name == "key" else new_id() for name in place.key)
    assert await queries.page(session, place, after=nowhere, limit=3) == []
    assert await queries.rows(session, place, [nowhere, nowhere]) == []
    nothing = service.Change(nowhere, dict.fromkeys(place.columns), dict.fromkeys(place.columns, b"x"))
    assert await queries.write(session, place, [nothing]) == set()
