"""Six months away: dates, who sees them, the filter, the one message."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.messages.models import Message
from app.registrations import workflow
from app.registrations.models import Registration, ReminderKind, Status
from app.registrations.service import notices
from tests.support.branches import API, CONSENTS, MEMBERSHIP, PARTY
from tests.support.registering import approval

SIX = "six_months"


@pytest.mark.parametrize(
    ("since", "on"),
    [
        ("2026-01-15", "2026-07-15"), ("2026-08-31", "2027-02-28"), ("2027-08-30", "2028-02-29"), ("2026-07-01", "2027-01-01"),
        ("2026-12-31", "2027-06-30"), ("2026-03-31", "2026-09-30"),
    ],
)
async def test_six_calendar_months_end_with_the_month_and_as_in_the_database(session, since: str, on: str) -> None:
    day = date.fromisoformat(since)
    assert workflow.months_later(day, 6) == date.fromisoformat(on)
    found = await session.exec(sa.select(sa.cast(sa.literal(day) + sa.text("interval '6 months'"), sa.Date)))
    assert found.scalar_one() == date.fromisoformat(on)


@pytest.fixture
async def approve(people, branch, registered, command):
    async def make(management: str = "mobile", **party):
        rider = await people.member(consents=CONSENTS)
        made = await registered(rider, scene=branch.scene, **(MEMBERSHIP | {"party": PARTY | party}))
        done = await command(branch.secretary, made["id"], "approve", approval(branch.instructor, management=management))
        assert done.status_code == 200, done.text
        return rider, done.json()

    return make


async def test_it_counts_from_the_declared_day_or_from_the_approval(approve) -> None:
    _, told = await approve(away_since="2024-08-31")
    assert told[SIX] == {"since": "2024-08-31", "on": "2025-02-28", "reached": True}
    today = clock.today()
    _, told = await approve(away_since=None)
    assert told[SIX] == {"since": today.isoformat(), "on": workflow.months_later(today, 6).isoformat(), "reached": False}
    _, told = await approve("direct", away_since="2024-08-31")
    assert told[SIX] is None


async def test_the_secretary_alone_sees_it_and_filters_by_it(client, people, branch, other_branch, approve, command, session) -> None:
    rider, reached = await approve(away_since="2024-08-31")
    _, running = await approve(away_since=None)
    await approve("hosted")

    async def listed(who, state: str) -> list[str]:
        rows = (await client.get(API, headers=who.headers, params={SIX: state})).json()["items"]
        return [row["id"] for row in rows]

    assert await listed(branch.secretary, "reached") == [reached["id"]]
    assert await listed(branch.secretary, "running") == [running["id"]]
    for outsider in (branch.instructor, other_branch.secretary, rider):
        assert await listed(outsider, "reached") == [] == await listed(outsider, "running")
    lines = (await client.get(API, headers=branch.secretary.headers)).json()["items"]
    assert next(row[SIX]["since"] for row in lines if row["id"] == reached["id"]) == "2024-08-31"
    in_clear = (await session.exec(sa.text("select to_jsonb(r)::text from registration r"))).scalars().all()
    assert in_clear and not any("2024-08-31" in row for row in in_clear), "since when somebody is away is sealed"
    assert {row["id"]: row[SIX] and row[SIX]["reached"] for row in lines if row[SIX]} == {reached["id"]: True, running["id"]: False}
    assert (await client.get(f"{API}/{reached['id']}", headers=rider.headers)).json()[SIX] is None
    assert (await client.get(API, headers=branch.secretary.headers, params={SIX: "never"})).status_code == 422
    assert (await command(rider, reached["id"], "withdraw")).status_code == 200
    gone = (await session.exec(sa.select(Registration.__table__).where(col(Registration.status) == Status.WITHDRAWN))).one()
    assert gone.six_months_on is None
    assert await listed(branch.secretary, "reached") == []


async def test_the_secretary_is_told_once_when_the_day_comes(people, branch, put, run_job, session) -> None:
    async def told() -> list[str]:
        found = await session.exec(sa.select(Message).where(col(Message.member_id) == branch.secretary.id))
        return [one.body for one in found.scalars().all()]

    today = clock.today()
    await put(await people.member(), branch, Status.APPROVED, management="mobile", six_months_on=today + timedelta(days=1))
    await run_job("registration.follow_up")
    assert await told() == []
    await put(await people.member(), branch, Status.APPROVED, management="mobile", six_months_on=today)
    for _ in range(2):
        await run_job("registration.follow_up")
    words = await told()
    assert words == [notices.REMINDERS[ReminderKind.SIX_MONTHS][1].format(count=1)]
    assert not any(secret in words[0] for secret in ("党", "组织关系", "流动"))
