"""Who hears of it: the nightly proof, the sealer whose own block is gone, rows that wait too long, the figures for Prometheus."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from app import clock
from app.audit.models import AuditEvent
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession, Database
from app.messages import queries as messages_queries
from app.seals import alarms, service
from app.seals.sealer import Sealer
from tests.seals.conftest import Tamper
from tests.support.county import County
from tests.support.people import People

TOKEN = {"Authorization": "Bearer metrics-token-for-tests"}
Earn = Callable[[], Awaitable[UUID]]
RunJob = Callable[[str], Awaitable[None]]


async def broken(session: AsyncSession) -> list[AuditEvent]:
    found = await session.exec(sa.select(AuditEvent).where(AuditEvent.action == "seals.broken").order_by(AuditEvent.id))
    return list(found.scalars())


async def titles(session: AsyncSession, member_id: UUID) -> list[str]:
    return [message.title for message in await messages_queries.inbox(session, member_id=member_id, unread=None, limit=9, after=None)]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    return lambda instant: monkeypatch.setattr(clock, "now", lambda: instant)


async def test_the_nightly_proof_tells_those_who_answer_for_it(
    session: AsyncSession, people: People, county: County, blocks: Sequence[int], tamper: Tamper, run_job: RunJob
) -> None:
    admin, member = await people.console(), await people.member()
    auditor = await people.member(grants=[(Role.AUDITOR, ScopeType.AREA, county.root.id)])
    found = await session.exec(sa.text("select row_id from seal_link where block = :block and kind = 1"), params={"block": blocks[3]})
    row = found.scalar_one()
    await run_job("seals.verify")
    assert await broken(session) == []
    await tamper("update points_transaction set amount = amount + 1 where id = :id", id=row)
    with capture_logs() as logs:
        await run_job("seals.verify")
    told = [entry for entry in logs if entry["event"] == "seals.broken"]
    assert [(one["log_level"], one["wrong"], one["row"], one["block"]) for one in told] == [("error", "changed", str(row), blocks[3])]
    event, = await broken(session)
    assert (event.outcome, event.reason, event.object_kind, event.object_id) == ("error", "changed", "points_transaction", row)
    assert event.facts == {"block": blocks[3], "count": 1}
    assert [await titles(session, one.id) for one in (admin, auditor, member)] == [[alarms.TITLE], [alarms.TITLE], []]


async def test_the_last_day_each_night_and_all_on_sundays(
    session: AsyncSession, blocks: Sequence[int], tamper: Tamper, run_job: RunJob, at: Callable[[datetime], None]
) -> None:
    """What is older than a day has been proved before: it is looked at again at the end of the week."""
    await tamper("update seal_block set sealed_at = sealed_at - interval '3 days' where number <= :old", old=blocks[2])
    row = await session.exec(sa.text("select row_id from seal_link where block = :block and kind = 3"), params={"block": blocks[1]})
    await tamper("delete from points_award where id = :id", id=row.scalar_one())
    monday = clock.now()
    while clock.local_day(monday).weekday() != 0:
        monday -= timedelta(days=1)
    moved = "update seal_block set sealed_at = sealed_at - cast(:by as interval)"
    await tamper(moved, by=clock.now() - monday)
    at(monday)
    with capture_logs() as logs:
        await run_job("seals.verify")
    done, = (entry for entry in logs if entry["event"] == "seals.verified")
    assert done["since"] == blocks[3] and done["blocks"] == 2
    at(monday - timedelta(days=1))
    with capture_logs() as logs:
        await run_job("seals.verify")
    assert "deleted" in [entry["wrong"] for entry in logs if entry["event"] == "seals.broken"]


async def test_a_sealer_knows_its_own_last_block(
    database: Database, session: AsyncSession, people: People, chain: None, earn: Earn, tamper: Tamper
) -> None:
    """A tail that is cut off with its rows between two anchors, while the worker runs. It is told once, and the chain goes on."""
    admin, sealer = await people.console(), Sealer(database)
    await earn()
    assert await sealer.turn() == 1 and sealer.last is not None
    number = sealer.last.number
    await tamper("delete from seal_link where block = :number", "delete from seal_block where number = :number", number=number)
    await earn()
    with capture_logs() as logs:
        await sealer.turn()
    assert [(entry["wrong"], entry["block"]) for entry in logs if entry["event"] == "seals.broken"] == [("missing", number)]
    assert await titles(session, admin.id) == [alarms.TITLE] and len(await broken(session)) == 1
    with capture_logs() as logs:
        await sealer.turn()
    assert sealer.last.number == number + 1 and not [entry for entry in logs if entry["log_level"] == "error"]


async def test_rows_that_wait_too_long_are_told(database: Database, chain: None, earn: Earn, tamper: Tamper, monkeypatch) -> None:
    """Seen twice: a transaction that committed late is sealed before the second look."""
    sealer = Sealer(database)

    async def never(session: AsyncSession) -> bool:
        return False

    with monkeypatch.context() as patched:
        patched.setattr(service, "take_lease", never)
        await earn()
        await tamper("update seal_pending set noted_at = noted_at - interval '40 seconds'")
        with capture_logs() as logs:
            for _ in range(3):
                await sealer.turn()
    late, = (entry for entry in logs if entry["log_level"] == "error")
    assert late["event"] == "seals.behind" and late["seconds"] >= 40 and late["rows"] >= 4
    with capture_logs() as logs:
        for _ in range(3):
            await sealer.turn()
    assert logs == []


async def test_a_failure_does_not_end_the_sealer(database: Database, chain: None, earn: Earn, monkeypatch) -> None:
    """It pauses, longer each time, and goes on."""
    sealer = Sealer(database)

    async def fail(session: AsyncSession) -> bool:
        raise ConnectionError

    await earn()
    with monkeypatch.context() as patched:
        patched.setattr(service, "take_lease", fail)
        with capture_logs() as logs:
            assert [await sealer.turn() for _ in range(6)] == [2, 4, 8, 16, 30, 30]
        assert {(entry["event"], entry["error"]) for entry in logs} == {("seals.failed", "ConnectionError")}
    assert await sealer.turn() == 1 and sealer.last is not None


async def test_figures_are_read_off_the_database(client: httpx.AsyncClient, chain: None, earn: Earn, tamper: Tamper, application) -> None:
    """So they tell of a worker that is down."""
    await earn()
    await tamper("update seal_pending set noted_at = noted_at - interval '1 hour'")
    shown = await client.get("/metrics", headers=TOKEN)
    found = dict(re.findall(r"^(xinxin_unsealed_\w+) (\S+)$", shown.text, re.M))
    assert float(found["xinxin_unsealed_rows"]) >= 4 and float(found["xinxin_unsealed_seconds"]) >= 3600
    assert "# TYPE xinxin_unsealed_rows gauge" in shown.text
