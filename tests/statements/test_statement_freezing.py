"""Ended months are frozen: by the job or by whoever asks first, once, and nobody can change them unnoticed."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from app import clock
from app.export import tables
from app.statements import queries, service, workflow
from app.statements.workflow import Figures, Line, Month
from tests.statements.conftest import FIRST, LAST, MADE, SECOND, THIS, Firm, make_enterprise, middle

TABLES = ("enterprise_statement", "enterprise_statement_line")


def settled(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    """As if it were some hours after the beginning of this day."""

    async def clock_of_database(_session: Any) -> tuple[Any, date]:
        return clock.now(), day

    monkeypatch.setattr(queries, "clock_of_database", clock_of_database)


async def test_the_job_freezes_what_was_missed_since_the_enterprise_was_made(firm: Firm, monkeypatch) -> None:
    settled(monkeypatch, THIS)
    young = await make_enterprise(firm.session, firm.county, name="新速递", uscc="91370882MA3C00001T", made=LAST)
    await firm.freeze()
    assert await firm.frozen() == [MADE, FIRST, SECOND, LAST]
    assert await queries.latest(firm.session, enterprise_id=young.id) == LAST
    assert await firm.wrong() == []


async def test_again_nothing_changes(firm: Firm) -> None:
    rider = await firm.rider("张三")
    await firm.earns(rider, 30, middle(FIRST))
    await firm.freeze()
    rows = "select s::text, l::text, n::text from enterprise_statement s left join enterprise_statement_line l on l.statement_id = s.id"
    rows += " left join enterprise_statement_name n on n.statement_id = s.id order by 1, 2"
    before = (await firm.session.exec(sa.text(rows))).all()
    await firm.earns(rider, 10, middle(FIRST))  # what cannot be: a booking in a month that is over
    await firm.freeze()
    assert (await firm.session.exec(sa.text(rows))).all() == before


async def test_who_asks_before_the_job_ran_freezes(firm: Firm) -> None:
    """And every month before, since a month knows those before it."""
    await firm.rider("张三")
    shown = await firm.shows(SECOND)
    assert (shown["status"], await firm.frozen()) == ("final", [MADE, FIRST, SECOND, *([LAST] if LAST in await firm.frozen() else [])])
    before = await firm.frozen()
    await firm.freeze()
    assert await firm.shows(SECOND) == shown and set(before) <= set(await firm.frozen())


async def test_in_the_first_hours_a_month_is_still_open(firm: Firm, monkeypatch) -> None:
    settled(monkeypatch, THIS - timedelta(days=1))
    rider = await firm.rider("张三")
    await firm.earns(rider, 30, middle(LAST))
    await firm.freeze()
    shown = await firm.shows(LAST)
    assert (shown["status"], shown["points_total"], shown["digest"]) == ("open", 30, None)
    assert await firm.frozen() == [MADE, FIRST, SECOND]
    settled(monkeypatch, THIS)
    assert (await firm.shows(LAST))["status"] == "final"


async def test_the_databases_clock_waits_three_hours(session) -> None:
    now, day = await queries.clock_of_database(session)
    assert day == clock.local_day(now - timedelta(hours=3))
    assert abs(now - clock.now()) < timedelta(seconds=5)


def test_which_months_are_missing() -> None:
    made_at = clock.day_start(date(2026, 8, 31)) + timedelta(hours=23)

    def missing(latest: date | None, day: date) -> list[int]:
        return [month.month for month in workflow.missing(made_at=made_at, latest=latest, settled_on=day)]

    assert missing(None, date(2026, 8, 31)) == []
    assert missing(None, date(2026, 9, 1)) == [8]
    assert missing(None, date(2026, 11, 30)) == [8, 9, 10]
    assert missing(date(2026, 10, 1), date(2026, 11, 30)) == []
    assert missing(date(2026, 10, 1), date(2027, 1, 1)) == [11, 12]


def test_the_digest_covers_every_figure_and_no_name() -> None:
    ids = [UUID(int=number) for number in (1, 2)]
    lines = workflow.lines(worked=[ids[0]], listed=ids, figures={ids[0]: Figures(1, 10, 0), ids[1]: Figures(0, 0, -5)})
    assert [(line.worked, line.listed) for line in lines] == [(True, True), (False, False)]
    month = Month(ids[0], "某站", FIRST, clock.now(), lines)
    others = [
        Line(ids[0], True, listed, Figures(*figures))
        for listed, figures in ((False, (1, 10, 0)), (True, (2, 10, 0)), (True, (1, 9, 0)), (True, (1, 10, -1)))
    ]
    others.append(Line(UUID(int=3), True, True, Figures(1, 10, 0)))
    changed = [Month(ids[0], "某站", FIRST, month.frozen_at, (line, lines[1])) for line in others]
    changed += [
        Month(ids[0], "另一站", FIRST, month.frozen_at, lines), Month(ids[1], "某站", FIRST, month.frozen_at, lines),
        Month(ids[0], "某站", SECOND, month.frozen_at, lines), Month(ids[0], "某站", FIRST, clock.now(), lines),
        Month(ids[0], "某站", FIRST, month.frozen_at, lines[:1]),
    ]
    digests = {workflow.digest(one) for one in (month, *changed)}
    assert len(digests) == 1 + len(changed)
    assert workflow.digest(month) == workflow.digest(Month(ids[0], "某站", FIRST, month.frozen_at, lines))


@pytest.mark.parametrize("statement", [f"{verb} {table}{rest}" for table in TABLES for verb, rest in (
    ("update", " set points = points + 1"), ("delete from", ""), ("truncate", " cascade"),
)])
async def test_what_is_frozen_cannot_be_edited(firm: Firm, statement: str) -> None:
    """Neither by the application, which has no right to, nor by the owner, whom the trigger stops."""
    await firm.rider("张三")
    await firm.freeze()
    for changing in (firm.session.exec(sa.text(statement)), firm.as_owner(statement)):
        with pytest.raises(DBAPIError, match=r"append-only|permission denied"):
            async with firm.session.begin_nested():
                await changing


# What the owner changes → in which month it is found first, and what is said of it.
TAMPERED = {
    "update enterprise_statement_line set points = 35 where points = 30": (FIRST, "the ledger says Figures(events=1, points=30, corr"),
    "delete from enterprise_statement_line where points = 12": (FIRST, "the totals"),  # who worked there is known from nowhere else
    "update enterprise_statement_line set listed = not listed": (MADE, "the digest"),
    "update enterprise_statement set members = members + 1": (MADE, "the totals"),
    "update enterprise_statement set digest = repeat('0', 64)": (MADE, "the digest"),
    "update enterprise_statement set enterprise_name = '别家'": (MADE, "the digest"),
    "update enterprise_statement set frozen_at = frozen_at - interval '1 day'": (MADE, "the digest"),
    "update points_transaction set amount = 31 where amount = 30": (FIRST, "the ledger says Figures(events=1, points=31"),
    "update points_transaction set created_at = created_at - interval '40 days' where amount = 30": (MADE, "Figures(events=1, points=30"),
}


@pytest.mark.parametrize("statement", TAMPERED)
async def test_a_change_by_the_owner_is_found(firm: Firm, statement: str) -> None:
    await firm.earns(await firm.rider("张三"), 30, middle(FIRST))
    await firm.earns(await firm.rider("李四", agrees=False), 12, middle(FIRST))
    await firm.freeze()
    assert await firm.wrong() == []
    await firm.as_owner("set local session_replication_role = replica", statement, "set local session_replication_role = origin")
    firm.session.expire_all()
    wrong, (month, said) = await firm.wrong(), TAMPERED[statement]
    assert wrong and wrong[0].startswith(f"{firm.id} {month:%Y-%m}: ") and said in wrong[0], wrong
    assert "张三" not in str(wrong)


async def test_a_month_that_was_taken_away_is_found(firm: Firm) -> None:
    await firm.freeze()
    gone = f"delete from enterprise_statement where month = '{FIRST}'"
    await firm.as_owner("set local session_replication_role = replica", gone, "set local session_replication_role = origin")
    assert (await firm.wrong())[0] == f"{firm.id} {FIRST:%Y-%m}: the month is missing"


async def test_other_bytes_are_found(firm: Firm, monkeypatch) -> None:
    """A renderer that writes the time into the file."""
    await firm.rider("张三")
    await firm.freeze()
    assert await firm.wrong() == []
    render = tables._csv
    monkeypatch.setattr(tables, "_csv", lambda *table: render(*table) + clock.now().isoformat().encode())
    assert "the csv file is another" in (await firm.wrong())[0]


async def test_one_enterprise_that_fails_holds_up_no_other(firm: Firm, monkeypatch) -> None:
    other = await make_enterprise(firm.session, firm.county, name="后来速递", uscc="91370882MA3C00001T", made=MADE)
    whole = service._put_statement

    async def failing(session: Any, month: Month) -> Any:
        if month.enterprise_id == firm.id:
            raise RuntimeError("one of them")
        return await whole(session, month)

    monkeypatch.setattr(service, "_put_statement", failing)
    with pytest.raises(ExceptionGroup):
        await firm.freeze()
    assert await firm.frozen() == [] and await queries.latest(firm.session, enterprise_id=other.id) is not None
