"""The county in a real database: loaded once however often it is asked for, filled in parts, with clean books."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import acting
from app.db import session as db_session
from app.db.session import Database
from app.demo import filling, jobs, lives, loading, people, plan, speaking
from app.invariants import service as invariants_service
from app.jobs.registry import HANDLERS, Context
from app.parts import session_info
from app.settings import Settings
from app.storage.store import ObjectStore
from tests.conftest import migrated_database

pytestmark = pytest.mark.xdist_group("demo")
RIDERS, REPORTS = 3, 8
DIES_AT = 6


@pytest.fixture(scope="module")
async def own(settings: Settings, worker_id: str) -> Settings:
    """The settings of an installation whose database is empty but migrated."""
    url = await migrated_database(f"xinxin_demo_{worker_id}")
    return settings.model_copy(update={"database_url": url, "demo": True})


@pytest.fixture(scope="module")
async def county(own: Settings) -> AsyncIterator[Database]:
    await loading.load_county(own)
    database = db_session.connect(str(own.database_url), info=session_info(own) | {"actor": {"kind": "job"}}, pool_size=2)
    yield database
    await database.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of few riders and reports, one of each kind of life that the first part begins with."""
    few = plan.riders_of(0)[:RIDERS]
    reports = tuple(
        replace(report, rider=few[at % RIDERS], turn=at // RIDERS, outcome=outcome, into=0 if outcome == "merged" else None)
        for at, (report, outcome) in enumerate(
            zip(
                plan.reports_of(0),
                ("accepted", "closed", "merged", "suspended", "reopened", "disputed", "rejected", "withdrawn"),
                strict=False,
            )
        )
    )
    monkeypatch.setattr(plan, "riders_of", lambda part: few)
    monkeypatch.setattr(plan, "reports_of", lambda part: _beside(reports))
    monkeypatch.setattr(plan, "orders_of", lambda part: (plan.OrderPlan(few[1], "verified", plan.water().stores[0]),))


def _beside(reports: tuple[plan.ReportPlan, ...]) -> tuple[plan.ReportPlan, ...]:
    """A merged report tells of the place of the one that it goes into."""
    one = reports[0]
    return tuple(
        report if report.into is None else replace(report, community=one.community, lng=one.lng, lat=one.lat, category=one.category)
        for report in reports
    )


async def counts(database: Database, *tables: str) -> list[int]:
    async with database.transaction() as session:
        return [(await session.exec(sa.text(f"select count(*) from {table}"))).scalar_one() for table in tables]


async def rows(database: Database, statement: str) -> list[Any]:
    async with database.transaction() as session:
        return list((await session.exec(sa.text(statement))).all())


async def test_loading_twice_makes_one_county(county: Database, own: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    tables = (
        "area", "store", "reward", "organisation", "enterprise", "account", "access_grant", "qrcode", "audit_event", "group_chat",
        "policy_text", "consent_text",
    )
    first = await counts(county, *tables)
    assert first[:5] == [56, 30, 42, 6, 5] and first[9] == 12
    await loading.load_county(own)
    assert await counts(county, *tables) == first
    assert capsys.readouterr().out == ""
    assert await rows(county, "select entrypoint, convert_from(payload, 'utf8') from jobs.pgqueuer order by id") == [
        ("demo.fill", "{}"),
    ]


async def test_staff_can_begin_to_work_at_once(county: Database, own: Settings) -> None:
    async with county.transaction() as session:
        community = plan.of_level("community")[0]
        for person in (people.reviewer(community), people.clerk(plan.stores()[plan.water().stores[0]])):
            principal = await people.principal(session, appid=own.wechat_appid, person=person)
            assert principal.has_phone and "service" in principal.consented and len(principal.grants) == 1


async def test_an_interrupted_part_goes_on_and_the_books_are_clean(
    county: Database, own: Settings, store: ObjectStore, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(lives, "file", dies_at(DIES_AT))
        with pytest.raises(InterruptedError):
            await filling.fill(county, store, appid=own.wechat_appid, part=0)
    assert await counts(county, "report") == [DIES_AT]
    await filling.fill(county, store, appid=own.wechat_appid, part=0)
    tables = ("report", "registration", "redemption", "upload", "points_award", "message")
    first = await counts(county, *tables)
    assert first[:3] == [REPORTS, RIDERS, 1]
    assert await rows(county, "select count(distinct status) from report") == [(REPORTS,)]
    assert await rows(county, "select status, count(*) from redemption group by status") == [("verified", 1)]
    for _ in range(2):
        await filling.fill(county, store, appid=own.wechat_appid, part=0)
        await speaking.speak(county, appid=own.wechat_appid)
    assert (await counts(county, *tables))[:5] == first[:5], "messages come by what is said now"
    assert await rows(county, "select publish_at > now(), count(*) from announcement group by 1 order by 1") == [(False, 3), (True, 1)]
    assert await rows(county, "select kind, status, due_at < now() from complaint order by 1") == [
        ("complaint", "open", True), ("suggestion", "answered", False),
    ]
    assert await invariants_service.check_all(county) == []


def dies_at(position: int) -> Any:
    """The worker dies when it files the report at this position, which leaves no trace."""
    original, calls = lives.file, iter(range(1_000))

    async def file(*arguments: Any) -> Any:
        if next(calls) == position:
            raise InterruptedError
        return await original(*arguments)

    return file


async def test_a_lane_that_fails_fails_the_job(county: Database, own: Settings, store: ObjectStore) -> None:
    other = own.model_copy(update={"wechat_appid": "wx-of-somebody-else"})
    with pytest.raises(jobs.FillingFailed):
        await HANDLERS["demo.fill"](Context(county, None, store, other), {})


async def test_who_fills_acts_for_no_single_person(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise row security refuses what it writes in the names of many."""
    told = []

    async def seen(database: Database, *_: Any, **__: Any) -> None:
        told.append(database.info[acting.DEFAULT])

    monkeypatch.setattr(filling, "fill", seen)
    monkeypatch.setattr(speaking, "speak", seen)
    await filling._lane(own, 0)
    await filling._speak(own)
    assert len(told) > 1 and set(told) == {acting.SERVICE}
