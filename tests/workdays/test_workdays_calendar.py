"""The calendar as people edit it and as the kept library fills it."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlmodel import col
from typer.testing import CliRunner

from app import clock
from app.audit.models import AuditEvent
from app.auth import tenants
from app.auth.roles import Role, ScopeType
from app.cli import cli
from app.db.session import AsyncSession, Database
from app.settings import Settings
from app.workdays import queries, seeding, service
from app.workdays.models import CalendarDay, Source
from tests.support.county import County
from tests.support.people import People, Person

DAY = "2026-12-05"  # an ordinary Saturday
Queued = Callable[[AsyncSession], Awaitable[list[tuple[str, dict[str, Any]]]]]


async def shown(client: httpx.AsyncClient, who: Person, first: str, last: str) -> list[dict[str, Any]]:
    answer = await client.get("/api/v1/workdays", params={"from": first, "to": last}, headers=who.headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def enter(client: httpx.AsyncClient, who: Person, day: str = DAY, *, workday: bool = True, note: str | None = "调休上班") -> int:
    answer = await client.put(f"/api/v1/workdays/{day}", json={"workday": workday, "note": note}, headers=who.headers)
    return answer.status_code


async def test_everybody_reads_every_day(client, people: People) -> None:
    rider = await people.member()
    days = await shown(client, rider, "2026-10-09", "2026-10-11")
    assert days == [
        {"day": "2026-10-09", "workday": True, "note": None, "source": "notice"},
        {"day": "2026-10-10", "workday": True, "note": "调休上班", "source": "notice"},
        {"day": "2026-10-11", "workday": False, "note": None, "source": "notice"},
    ]
    assert await shown(client, rider, "2031-03-01", "2031-03-01") == [
        {"day": "2031-03-01", "workday": False, "note": None, "source": "rule"},
    ]
    for first, last in (("2026-10-02", "2026-10-01"), ("2026-01-01", "2027-01-02")):
        answer = await client.get("/api/v1/workdays", params={"from": first, "to": last}, headers=rider.headers)
        assert answer.status_code == 422


@pytest.mark.parametrize(
    ("role", "where", "status"),
    [(Role.AREA_ADMIN, "root", 200), (Role.AREA_ADMIN, "street", 403), (Role.REVIEWER, "root", 403)],
)
async def test_who_may_enter_a_day(client, people: People, county: County, role: Role, where: str, status: int) -> None:
    who = await people.member(grants=[(role, ScopeType.AREA, getattr(county, where).id)])
    assert await enter(client, who) == status
    assert (await shown(client, who, DAY, DAY))[0]["workday"] is (status == 200)


@pytest.mark.parametrize(
    ("path", "may"), [("370899/", True), ("370000/370800/", True), ("370000/370800/370899/", False), ("370800/370899/", False)],
)
def test_a_tenant_is_the_topmost_city_or_county(path: str, may: bool) -> None:
    assert tenants.is_tenant(path) is may


async def test_a_change_is_audited_and_recounts_once(client, people: People, session: AsyncSession, queued: Queued) -> None:
    admin = await people.console()
    for _ in range(2):
        assert await enter(client, admin) == 200
    assert await enter(client, admin, workday=False, note=None) == 200
    assert (await shown(client, admin, DAY, DAY))[0] == {"day": DAY, "workday": False, "note": None, "source": "notice"}
    events = await session.exec(sa.select(col(AuditEvent.facts)).where(col(AuditEvent.action) == "workdays.put_day"))
    assert len(events.all()) == 2, "the same again is no change"
    assert [job for job in await queued(session) if job[0] == service.RECOUNT] == [(service.RECOUNT, {})] * 4, "now and a little later"


@pytest.mark.parametrize("year", [2025, 2026])
async def test_library_and_table_agree_on_every_day(session: AsyncSession, year: int) -> None:
    """Make-up Saturdays and Sundays included; and so the library has nothing to write."""
    library = seeding.year_of(year)
    table = {row.day: row.workday for row in await queries.days(session, first=date(year, 1, 1), last=date(year, 12, 31))}
    assert len(library) == 365 and {day: works for day, (works, _) in library.items()} == table
    assert [day for day, (_, note) in library.items() if note == seeding.MADE_UP] == [
        day for day, works in table.items() if works and day.isoweekday() > 5
    ]
    assert await service.fill_year(session, year=year, days=library) == []


async def test_what_people_entered_stays(session: AsyncSession, client, people: People) -> None:
    """The library fills the rest of a year; a day that somebody entered keeps what the notice says."""
    assert await enter(client, await people.console(), "2027-02-13", note="调休上班") == 200
    library = seeding.year_of(2027)
    assert library[date(2027, 2, 13)][0] is False
    changed = await service.fill_year(session, year=2027, days=library)
    assert date(2027, 2, 13) not in changed and len(changed) == 364
    assert await service.fill_year(session, year=2027, days=library) == [], "a second run writes nothing"
    kept = await queries.days(session, first=date(2027, 2, 12), last=date(2027, 2, 13))
    assert [(row.workday, row.source) for row in kept] == [(True, Source.LIBRARY), (True, Source.NOTICE)]


async def test_december_fills_the_next_year(session: AsyncSession, run_job: Callable[..., Awaitable[None]]) -> None:
    year = clock.today().year + 1
    await run_job("workdays.fill_next_year")
    session.expire_all()
    rows = await queries.days(session, first=date(year, 1, 1), last=date(year, 12, 31))
    assert {row.day: row.workday for row in rows} == {day: works for day, (works, _) in seeding.year_of(year).items()}
    assert all(isinstance(row, CalendarDay) and row.source is Source.LIBRARY for row in rows)


def test_the_library_is_loaded_by_seeding_alone() -> None:
    """It takes its time to load: neither the API nor a worker may pay for it when it starts."""
    asked = "import sys, app.main, app.handlers; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


async def test_an_operator_fills_a_year(committed: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("database_url", "data_dir", "secret_keys", "field_keys", "public_base_url"):
        monkeypatch.setenv(f"XINXIN_{name.upper()}", str(getattr(settings, name)))
    year = (date(2040, 1, 1), date(2040, 12, 31))

    async def manage(*told: str) -> list[str]:
        """In a thread, as it brings a loop of its own."""
        done = await asyncio.to_thread(CliRunner().invoke, cli, ["calendar", "2040", *told])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    async def sources() -> set[Source]:
        async with committed.session() as session:
            return {row.source for row in await queries.days(session, first=year[0], last=year[1])}

    try:
        rehearsed = await manage("--dry-run")
        assert "2040-10-01 休息 国庆节" in rehearsed and await sources() == {Source.RULE}
        assert (await manage())[:-1] == rehearsed[:-1] and await sources() == {Source.LIBRARY}
        assert await manage() == ["0 天已写入 / days written"]
    finally:
        async with committed.transaction() as session:
            await session.exec(sa.delete(CalendarDay).where(sa.between(col(CalendarDay.day), *year)))
