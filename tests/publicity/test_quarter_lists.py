"""A quarter's list: made once, consented, masked, alphabetical; what comes later does not rewrite it."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.areas.models import Area, Level
from app.audit.models import AuditEvent
from app.auth import service as auth_service
from app.db.session import AsyncSession
from app.members import queries as members_queries
from app.members import service as members_service
from app.publicity import queries, service, workflow
from app.publicity.models import PublicityLine, PublicityList
from app.publicity.workflow import Quarter
from app.workdays.models import CalendarDay
from tests.architecture.test_list_cost import cost
from tests.publicity.conftest import LAST, Room, path_of
from tests.support.people import People

RUNNING = Quarter.of(clock.today())


def test_quarters() -> None:
    assert [Quarter.of(date(2026, month, 1)).quarter for month in range(1, 13)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    assert (Quarter(2026, 4).after, Quarter(2026, 1).before) == (date(2027, 1, 1), Quarter(2025, 4))
    midnight = datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert not Quarter(2026, 3).settled(midnight) and Quarter(2026, 3).settled(midnight + workflow.SETTLES)


def test_what_is_due_goes_back_to_the_beginning_of_the_tenant_and_two_years_at_most() -> None:
    at = datetime(2026, 11, 29, 4, tzinfo=UTC)
    assert list(workflow.due(at, since=date(2026, 3, 31))) == [Quarter(2026, 3), Quarter(2026, 2), Quarter(2026, 1)]
    assert list(workflow.due(at, since=date(2026, 10, 1))) == []
    assert len(list(workflow.due(at, since=date(2019, 1, 1)))) == workflow.LOOKS_BACK
    just_over = datetime(2026, 9, 30, 16, 1, tzinfo=UTC)
    assert list(workflow.due(just_over, since=date(2026, 7, 1))) == [], "a line of its last moment may be on its way"


async def test_a_list_opens_when_the_quarter_is_over(client, room: Room) -> None:
    for open_one in (Quarter(2099, 4), RUNNING):
        future = await room.get(room.who["reader"], path_of(open_one))
        assert (future.status_code, future.json()["code"]) == (404, "not_found")
    past = await room.get(room.who["reader"], path_of(Quarter(2026, 2)))
    assert (past.status_code, past.json()["items"]) == (200, [])
    for wrong in ("2026-q5", "2026-q0", "1999-q1"):
        assert (await room.get(room.who["reader"], f"/publicity/{wrong}")).status_code == 422


async def test_it_is_consented_masked_and_alphabetical_never_by_points(room: Room) -> None:
    await room.rider("张三丰", 500)
    await room.rider("曾小贤", 5)  # zeng, not ceng
    await room.rider("欧阳修", 900)
    await room.rider("阿依古丽", 10, 20)
    await room.rider(None, 7)
    await room.rider("单雄信", 1)  # shan, not dan
    await room.rider("王五", 300, agrees=False)
    assert await room.listed(room.who["reader"]) == [("阿*", 30), ("欧阳*", 900), ("单*", 1), ("曾*", 5), ("张*", 500), ("*", 7)]


async def test_who_has_nothing_left_is_not_listed_and_a_later_claw_back_counts_where_it_is_posted(session, room: Room) -> None:
    before = LAST.before
    kept, lost, debtor = [await room.rider(name) for name in ("甲一", "乙二", "丙三")]
    lines = [await room.earn(one, 10, before.first) for one in (kept, lost, debtor)]
    await room.claw_back(lost, lines[1], 10, before.first + timedelta(days=1))
    await room.earn(debtor, 4)
    await room.claw_back(debtor, lines[2], 10, LAST.first)
    await room.earn(kept, 5)
    assert await room.listed(kept, before) == [("丙*", 10), ("甲*", 10)]
    assert await room.listed(kept) == [("甲*", 5)]
    await room.claw_back(kept, lines[0], 10, clock.today())
    assert await room.listed(kept, before) == [("丙*", 10), ("甲*", 10)]


async def test_it_is_frozen(session, room: Room) -> None:
    first = await room.rider("张三", 10)
    answer = (await room.get(first, path_of())).json()
    await room.earn(first, 90)
    await room.rider("李四", 50)
    late = await room.rider("王五", 70, agrees=False)
    await room.agrees(late, "service", "publicity")
    assert (await room.get(first, path_of())).json() == answer and answer["items"] == [{"name": "张*", "points": 10}]
    (row,) = (await session.exec(sa.select(PublicityLine))).scalars().all()
    assert (row.member_id, row.points, row.events) == (first.id, 10, 1)


async def test_a_withdrawal_takes_the_line_away_at_once_and_a_name_is_read_when_it_is_shown(session, room: Room) -> None:
    one, other = await room.rider("张三", 10), await room.rider("李四", 10)
    assert await room.listed(other) == [("李*", 10), ("张*", 10)]
    await members_service.set_profile(session, member_id=one.id, real_name="安三")
    assert await room.listed(other) == [("安*", 10), ("李*", 10)]
    await room.agrees(one, "service")
    assert await room.listed(other) == [("李*", 10)]
    await service.forget(session, member_id=other.id)
    assert await room.listed(room.who["reader"]) == []


async def test_without_asking_for_consent_again_the_withdrawn_would_be_shown(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    one = await room.rider("张三", 10)
    await room.listed(one)
    await room.agrees(one, "service")

    async def everybody(session: AsyncSession, ids: Collection[UUID], **_: Any) -> dict[UUID, str | None]:
        people = await members_queries.by_ids(session, ids)
        return {member_id: members_queries.name_of(session, person) for member_id, person in people.items()}

    monkeypatch.setattr(members_queries, "agreeing", everybody)
    with pytest.raises(AssertionError):
        assert await room.listed(room.who["reader"]) == []


async def test_each_tenant_has_its_own(session, room: Room) -> None:
    area = Area(level=Level.COUNTY, code="370898", name="邻县", path="370898/")
    session.add(area)
    await session.flush()
    here, there = await room.rider("张三", 10), await room.rider("李四", 20, area=area)
    assert await room.listed(here) == [("张*", 10)]
    assert await room.listed(there) == [("李*", 20)]


async def test_the_job_publishes_each_list_once_and_makes_up_for_missed_ones(session, room: Room, run_job) -> None:
    await room.rider("张三", 10)
    await session.exec(sa.update(Area).where(col(Area.id) == room.county.root.id).values(created_at=clock.day_start(LAST.before.first)))
    await run_job("publicity.publish")
    made = sa.select(col(PublicityList.year), col(PublicityList.quarter), col(PublicityList.published_at))
    here = made.where(col(PublicityList.area_id) == room.county.root.id).order_by(col(PublicityList.id))
    once = (await session.exec(here)).all()
    assert {(row[0], row[1]) for row in once} == {(LAST.year, LAST.quarter), (LAST.before.year, LAST.before.quarter)}
    await run_job("publicity.publish")
    assert await room.listed(room.who["reader"]) == [("张*", 10)]
    assert (await session.exec(here)).all() == once
    told = sa.select(col(AuditEvent.facts)).where(
        col(AuditEvent.action) == "publicity.publish", col(AuditEvent.area_path) == room.county.root.path
    )
    facts = [fact for fact in (await session.exec(told)).scalars().all() if fact["quarter"] == LAST.quarter]
    assert facts == [{"year": LAST.year, "quarter": LAST.quarter, "lines": 1}]


async def test_the_job_forgets_whom_an_erasure_has_missed(session, room: Room, run_job) -> None:
    one = await room.rider("张三", 10)
    await room.listed(room.who["reader"])
    await auth_service.forget(session, member_id=one.id)
    await run_job("publicity.publish")
    left = await session.exec(sa.select(PublicityLine).where(col(PublicityLine.member_id) == one.id))
    assert left.first() is None


async def test_objections_close_five_working_days_later(session, room: Room) -> None:
    """The National Day of 2026: published on the first of October, the 8th is the first working day, the 10th is made up."""
    for day in range(1, 8):
        await session.merge(CalendarDay(day=date(2026, 10, day), workday=False))
    await session.merge(CalendarDay(day=date(2026, 10, 8), workday=True))
    await session.merge(CalendarDay(day=date(2026, 10, 10), workday=True))
    await session.flush()
    assert await queries.last_day_to_object(session, published_on=date(2026, 10, 1)) == date(2026, 10, 13)
    answer = (await room.get(room.who["reader"], path_of())).json()
    today = clock.today()
    assert answer["objections_until"] == (await queries.last_day_to_object(session, published_on=today)).isoformat()
    assert clock.local_day(datetime.fromisoformat(answer["published_at"])) == today


async def test_a_long_list_costs_as_many_statements_as_a_short_one(client, room: Room, statements: list[str]) -> None:
    await room.rider("张三", 10)
    await room.listed(room.who["reader"])
    one, page = await cost(client, room.who["admin"], f"/points{path_of()}", statements)
    staff, _ = await cost(client, room.who["admin"], f"/points{path_of()}/lines", statements)
    (row,) = (await room.session.exec(sa.select(PublicityLine))).scalars().all()
    for _ in range(9):
        other = await room.rider("李四")
        room.session.add(PublicityLine(list_id=row.list_id, member_id=other.id, points=1, events=1))
    await room.session.flush()
    ten, whole = await cost(client, room.who["admin"], f"/points{path_of()}", statements)
    staff_ten, _ = await cost(client, room.who["admin"], f"/points{path_of()}/lines", statements)
    assert (len(page["items"]), len(whole["items"])) == (1, 10) and (one, staff) == (ten, staff_ten)


async def test_full_names_are_for_who_administers_the_tenant_and_each_reading_is_audited(session, room: Room, people: People) -> None:
    rider = await room.rider("张三", 10)
    await room.listed(rider)
    for name in ("street", "elsewhere", "reviewer", "reader"):
        answer = await room.get(room.who[name], f"{path_of()}/lines")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), name
    answer = (await room.get(room.who["admin"], f"{path_of()}/lines")).json()
    assert answer["items"] == [
        {"member_id": str(rider.id), "name": "张三", "shown_as": "张*", "points": 10, "events": 1, "struck_at": None}
    ]
    read = await session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "publicity.read_names"))
    assert [event.actor_id for event in read.scalars().all()] == [room.who["admin"].id]


async def test_without_the_rule_a_street_would_read_the_names(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    await room.listed(await room.rider("张三", 10))
    monkeypatch.setattr(workflow, "governed", lambda principal: (room.county.root.path,))
    assert (await room.get(room.who["street"], f"{path_of()}/lines")).status_code == 200
