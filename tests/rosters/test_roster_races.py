"""Two uploads at once, an upload under a working job, two workers on one roster: with real commits. Each has a variant that is caught."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app.areas.models import Area
from app.auth.models import AccessGrant, Account, AuthSession, Scope
from app.db.session import AsyncSession, Database
from app.jobs.registry import HANDLERS, Context
from app.members.models import Member
from app.organisations.models import Organisation
from app.qrcodes.models import QrCode
from app.rosters import matching, queries, service
from app.rosters.models import Roster, RosterErrors, RosterKind, RosterLine, RosterRows
from app.rosters.rows import Parsed, Person
from app.security import throttles
from app.settings import Settings
from tests.support.branches import Branch, make_branch
from tests.support.county import make_county
from tests.support.people import People

PATH = "370899/"
SIZE = 700  # two chunks


def crowd(prefix: str) -> Parsed:
    return Parsed([Person(f"{prefix}{number}", f"1360000{number:04d}") for number in range(SIZE)])


@pytest.fixture
async def desk(committed: Database, settings: Settings) -> AsyncIterator[Branch]:
    async with committed.transaction() as session:
        people, county = People(session, settings), await make_county(session)
        branch = await make_branch(session, people, county.community, "并发测试支部")
    yield branch
    await _clear(committed, branch)


async def _clear(committed: Database, branch: Branch) -> None:
    async with committed.transaction() as session:
        mine = sa.select(col(Roster.id)).where(col(Roster.owner_id) == branch.id)
        staff = [branch.secretary.id, branch.instructor.id]
        for gone in (
            *(sa.delete(kept).where(col(kept.roster_id).in_(mine)) for kept in (RosterRows, RosterErrors, RosterLine)),
            sa.delete(Roster).where(col(Roster.owner_id) == branch.id),
            sa.delete(QrCode).where(col(QrCode.target_id) == branch.id),
            sa.delete(Organisation).where(col(Organisation.id) == branch.id),
            sa.delete(AccessGrant).where(col(AccessGrant.account_id).in_(staff)),
            sa.delete(AuthSession).where(col(AuthSession.account_id).in_(staff)),
            sa.delete(Member).where(col(Member.id).in_(staff)),
            sa.delete(Account).where(col(Account.id).in_(staff)),
            sa.delete(Scope).where(col(Scope.area_path).startswith(PATH)),
            sa.text("delete from jobs.pgqueuer where entrypoint like 'rosters.%'"),
        ):
            await session.exec(gone)
        for level in ("grid", "community", "street", "county"):
            await session.exec(sa.delete(Area).where(col(Area.path).startswith(PATH), col(Area.level) == level))


async def send(committed: Database, desk: Branch, prefix: str) -> UUID:
    async with committed.transaction() as session:
        roster = await service.upload(
            session, principal=desk.secretary.principal, kind=RosterKind.ORGANISATION, owner_id=desk.id, parsed=crowd(prefix)
        )
    return roster.id


async def work(committed: Database, settings: Settings, *rosters: UUID) -> None:
    context = Context(committed, None, None, settings)
    await asyncio.gather(*(HANDLERS["rosters.import"](context, {"roster_id": str(roster_id)}) for roster_id in rosters))


async def leftovers(committed: Database, desk: Branch) -> str:
    """What is wrong with what is kept: nothing, when only the newest roster has lines, each person one."""
    async with committed.session() as session:
        newest = await queries.newest(session, owner_id=desk.id)
        kept = await session.exec(
            sa.select(col(RosterLine.roster_id), sa.func.count())
            .join(Roster, col(Roster.id) == col(RosterLine.roster_id))
            .where(col(Roster.owner_id) == desk.id)
            .group_by(col(RosterLine.roster_id))
        )
        lines = {row[0]: row[1] for row in kept.all()}
        waiting = await session.exec(
            sa.select(sa.func.count()).select_from(RosterRows).join(Roster, col(Roster.id) == col(RosterRows.roster_id))
            .where(col(Roster.owner_id) == desk.id)
        )
        count = waiting.scalar_one()
    if count:
        return f"{count} blobs"
    return "" if lines == {newest.id: SIZE} else f"lines by roster: {sorted(lines.values())}"


async def test_of_uploads_at_once_the_newest_counts(committed: Database, settings: Settings, desk: Branch) -> None:
    sent = await asyncio.gather(*(send(committed, desk, f"甲{number}") for number in range(3)))
    await work(committed, settings, *sent)
    assert await leftovers(committed, desk) == ""
    async with committed.session() as session:
        assert (await queries.newest(session, owner_id=desk.id)).id in sent


async def test_without_the_lock_of_the_owner_two_would_stay(
    committed: Database, settings: Settings, desk: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variant: both look for older rosters before either has committed. The judgement above must see what is left."""
    both = asyncio.Barrier(2)

    async def no_lock(session: AsyncSession, key: str) -> None:
        return None

    old = queries.lock_kept

    async def meet(session: AsyncSession, *, owner_id: UUID) -> Any:
        found = await old(session, owner_id=owner_id)
        await both.wait()
        return found

    with monkeypatch.context() as patched:
        patched.setattr(throttles, "hold", no_lock)
        patched.setattr(queries, "lock_kept", meet)
        sent = await asyncio.gather(*(send(committed, desk, f"甲{number}") for number in range(2)))
    async with committed.session() as session:
        kept = await session.exec(sa.select(sa.func.count()).select_from(RosterRows).where(col(RosterRows.roster_id).in_(sent)))
        assert kept.scalar_one() == 2
    assert await leftovers(committed, desk) == "2 blobs"


@pytest.mark.parametrize("careless", [False, True])
async def test_an_upload_waits_for_the_lines_that_are_being_written(
    committed: Database, settings: Settings, desk: Branch, careless: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job has written a chunk and not committed. An upload that does not wait (`careless`) cannot delete what it does not see."""
    first = await send(committed, desk, "旧")
    if careless:
        async def unlocked(session: AsyncSession, *, owner_id: UUID) -> Any:
            return (await session.exec(sa.select(Roster).where(col(Roster.owner_id) == owner_id))).scalars().all()

        async def leave(session: AsyncSession, rosters: Any, **_: Any) -> None:
            for kept in (RosterRows, RosterLine):
                await session.exec(sa.delete(kept).where(col(kept.roster_id).in_([roster.id for roster in rosters])))

        monkeypatch.setattr(queries, "lock_kept", unlocked)
        monkeypatch.setattr(matching, "clear", leave)
    async with committed.session() as working:
        assert await matching.step(working, roster_id=first) is True
        uploading = asyncio.create_task(send(committed, desk, "新"))
        await asyncio.wait({uploading}, timeout=10 if careless else 0.5)
        assert uploading.done() is careless
        await working.commit()
    second = await uploading
    await work(committed, settings, first, second)
    left = await leftovers(committed, desk)
    assert (left == f"lines by roster: [500, {SIZE}]") if careless else (left == ""), left


async def test_two_workers_on_one_roster_write_each_person_once(committed: Database, settings: Settings, desk: Branch) -> None:
    roster_id = await send(committed, desk, "甲")
    await work(committed, settings, roster_id, roster_id, roster_id)
    assert await leftovers(committed, desk) == ""
    async with committed.session() as session:
        roster = await queries.newest(session, owner_id=desk.id)
        assert (roster.processed, roster.registered, roster.tries) == (SIZE, 0, 0)


async def test_workers_that_do_not_look_again_are_stopped_by_the_index(
    committed: Database, desk: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variant: a worker that believes what it read before the lock writes the chunk again, and UNIQUE refuses it."""
    roster_id = await send(committed, desk, "甲")
    async with committed.transaction() as session:
        await matching.step(session, roster_id=roster_id)
    old = queries.lock

    async def stale(session: AsyncSession, roster_id: UUID) -> Roster | None:
        roster = await old(session, roster_id)
        if roster is not None:
            sa.orm.attributes.set_committed_value(roster, "processed", 0)
        return roster

    async def from_the_start(session: AsyncSession, roster_id: UUID) -> int:
        return 0

    monkeypatch.setattr(queries, "lock", stale)
    monkeypatch.setattr(queries, "progress_of", from_the_start)
    with pytest.raises(sa.exc.IntegrityError):
        async with committed.transaction() as session:
            await matching.step(session, roster_id=roster_id)


async def test_a_forgotten_person_gets_no_line_from_a_job_that_has_already_read_them(
    committed: Database, settings: Settings, desk: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job has read the chunk and waits for the roster; the erasure strikes the person out and commits; then the job goes on."""
    rider_phone = "13699999999"
    async with committed.transaction() as session:
        rider = await People(session, settings).member(phone=rider_phone)
        parsed = Parsed([Person("王小明", rider_phone), *crowd("甲").people[: SIZE - 1]])
        roster = await service.upload(
            session, principal=desk.secretary.principal, kind=RosterKind.ORGANISATION, owner_id=desk.id, parsed=parsed
        )
    old, reading, erased = queries.accounts, asyncio.Event(), asyncio.Event()

    async def slow(session: AsyncSession, phones: Any) -> Any:
        reading.set()
        await erased.wait()
        return await old(session, phones)

    with monkeypatch.context() as patched:
        patched.setattr(queries, "accounts", slow)
        working = asyncio.create_task(work(committed, settings, roster.id))
        await reading.wait()
        async with committed.transaction() as session:
            await service.forget(session, member_id=rider.id)
        erased.set()
        await working
    assert await leftovers(committed, desk) == f"lines by roster: [{SIZE - 1}]"
    async with committed.transaction() as session:
        for gone in (
            sa.delete(AuthSession).where(col(AuthSession.account_id) == rider.id), sa.delete(Member).where(col(Member.id) == rider.id),
            sa.delete(Account).where(col(Account.id) == rider.id),
        ):
            await session.exec(gone)
