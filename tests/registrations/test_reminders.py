"""The morning's messages: to whom, how many, once; and nothing in them but a number."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.auth.models import AccessGrant
from app.auth.roles import Role, ScopeType
from app.db.session import AsyncSession, Database
from app.jobs.registry import PERIODIC, Context
from app.messages.models import Message
from app.registrations import jobs, queries, service
from app.registrations.models import Registration, Reminder, ReminderKind, Status
from app.registrations.service import notices, remind
from app.settings import Settings
from tests.registrations.committed import Scene, register
from tests.support.branches import make_branch

DAILY, FOLLOW_UP = "registration.remind", "registration.follow_up"
TITLES = {kind: words[0] for kind, words in notices.REMINDERS.items()}


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


async def inbox(session: AsyncSession, who: Any) -> list[tuple[str, str]]:
    found = await session.exec(sa.select(Message).where(col(Message.member_id) == who.id).order_by(col(Message.id)))
    return [(one.title, one.body) for one in found.scalars().all()]


async def aged(session: AsyncSession, row: Registration, days: int) -> None:
    """As if it had come so many local days ago, at the last minute of that day."""
    at = clock.day_start(ago(days - 1)) - timedelta(minutes=1)
    await session.exec(sa.update(Registration).where(col(Registration.id) == row.id).values(created_at=at))


async def leave(session: AsyncSession, account_id: UUID) -> None:
    await session.exec(
        sa.update(AccessGrant).where(col(AccessGrant.account_id) == account_id).values(revoked_at=sa.func.clock_timestamp())
    )


async def test_it_is_half_past_eight_in_shanghai() -> None:
    assert PERIODIC[DAILY][0] == "30 0 * * *"


async def test_a_contact_person_hears_once_a_day_how_many_are_due(people, branch, put, run_job, session) -> None:
    for late in (-1, 0, 2):
        await put(await people.member(), branch, Status.APPROVED, next_contact_on=ago(late))
    for _ in range(2):
        await run_job(DAILY)
    [(title, words)] = await inbox(session, branch.instructor)
    assert (title, "2 项" in words) == (TITLES[ReminderKind.DUE], True)
    assert await inbox(session, branch.secretary) == [], "three days late is when the secretary hears of it"
    await session.exec(sa.update(Reminder).values(day=ago(1)))
    await run_job(DAILY)
    assert len(await inbox(session, branch.instructor)) == 2


async def test_the_secretary_hears_of_what_is_three_days_late(people, branch, put, run_job, session) -> None:
    rider = await people.member()
    await put(rider, branch, Status.APPROVED, next_contact_on=ago(3))
    own = await put(branch.secretary, branch, Status.APPROVED, next_contact_on=ago(9))
    await put(await people.member(), branch, Status.APPROVED, next_contact_on=ago(9), contact_account_id=branch.secretary.id)
    await run_job(DAILY)
    told = [one for one in await inbox(session, branch.secretary) if one[0] == TITLES[ReminderKind.OVERDUE]]
    assert len(told) == 1 and "1 项" in told[0][1], "neither the own registration nor the own contacts count"
    everything = (await session.exec(sa.select(Message))).scalars().all()
    assert not any(secret in f"{one.title}{one.body}{one.path}" for one in everything for secret in ("党", own.number, str(rider.id)))


async def test_a_contact_person_without_the_office_hears_nothing(people, branch, put, run_job, session) -> None:
    await put(await people.member(), branch, Status.APPROVED, next_contact_on=ago(3))
    await leave(session, branch.instructor.id)
    await run_job(DAILY)
    assert await inbox(session, branch.instructor) == []
    assert [title for title, _ in await inbox(session, branch.secretary)] == [TITLES[ReminderKind.OVERDUE]]


@pytest.mark.parametrize(("days", "told"), [(2, 0), (3, 1)])
async def test_what_waits_three_days_is_told_the_secretary(people, branch, put, run_job, session, days: int, told: int) -> None:
    row = await put(await people.member(), branch, Status.PENDING)
    await aged(session, row, days)
    for _ in range(2):
        await run_job(DAILY)
    assert [title for title, _ in await inbox(session, branch.secretary)] == [TITLES[ReminderKind.WAITING]] * told


async def test_a_registration_that_was_handed_on_waits_anew(people, branch, other_branch, put, run_job, command, session) -> None:
    row = await put(await people.member(), branch, Status.PENDING)
    await aged(session, row, 30)
    told = {"organisation_id": str(other_branch.id), "reason": "片区不同"}
    assert (await command(branch.secretary, row.id, "transfer", told)).status_code == 200
    before = await inbox(session, other_branch.secretary)
    await run_job(DAILY)
    assert await inbox(session, other_branch.secretary) == before


async def test_where_nobody_may_decide_the_administrators_hear_of_it(people, county, branch, put, run_job, session) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    headless = await make_branch(session, people, county.other_community, "无人支部")
    await leave(session, headless.secretary.id)
    for where, who in ((headless, await people.member()), (headless, await people.member()), (branch, branch.secretary)):
        await aged(session, await put(who, where, Status.PENDING), 5)
    await run_job(DAILY)
    [(title, words)] = await inbox(session, admin)
    assert (title, "2 个组织" in words) == (TITLES[ReminderKind.HEADLESS], True), "organisations are counted, not people"
    assert await inbox(session, branch.secretary) == []


async def test_secretaries_hear_once_that_a_contact_person_left(people, branch, put, run_job, command, session) -> None:
    rows = [await put(await people.member(), branch, Status.APPROVED) for _ in range(2)]
    await run_job(FOLLOW_UP)
    assert await inbox(session, branch.secretary) == []
    await leave(session, branch.instructor.id)
    for _ in range(2):
        await run_job(FOLLOW_UP)
    [(title, words)] = await inbox(session, branch.secretary)
    assert (title, "2 份" in words) == (TITLES[ReminderKind.CONTACT_LEFT], True)
    fresh = await people.member(grants=[(Role.INSTRUCTOR, ScopeType.ORGANISATION, branch.id)])
    assert (await command(branch.secretary, rows[0].id, "contact-person", {"contact_account_id": str(fresh.id)})).status_code == 200
    await leave(session, fresh.id)
    for _ in range(2):
        await run_job(FOLLOW_UP)
    told = await inbox(session, branch.secretary)
    assert len(told) == 2 and "1 份" in told[1][1], "that the next one left too is news"


async def test_without_a_secretary_it_is_told_to_the_next_one(people, branch, put, run_job, session) -> None:
    await put(await people.member(), branch, Status.APPROVED)
    for one in (branch.instructor, branch.secretary):
        await leave(session, one.id)
    await run_job(FOLLOW_UP)
    fresh = await people.member(grants=[(Role.ORG_SECRETARY, ScopeType.ORGANISATION, branch.id)])
    await run_job(FOLLOW_UP)
    assert [title for title, _ in await inbox(session, fresh)] == [TITLES[ReminderKind.CONTACT_LEFT]]


async def test_reminders_are_kept_for_a_month_and_go_with_the_account(people, branch, put, run_job, session) -> None:
    await put(await people.member(), branch, Status.APPROVED)
    await run_job(DAILY)
    assert "'kind': 'due'" in str(await queries.export(session, member_id=branch.instructor.id))
    session.add(Reminder(kind=ReminderKind.DUE, account_id=branch.secretary.id, day=ago(31)))
    await session.flush()
    await run_job(DAILY)
    kept = (await session.exec(sa.select(col(Reminder.account_id)))).scalars().all()
    assert kept == [branch.instructor.id]
    await service.forget(session, member_id=branch.instructor.id)
    assert (await session.exec(sa.select(Reminder))).first() is None


def told_once(messages: Sequence[Any]) -> None:
    assert len(messages) == 1, len(messages)


@pytest.mark.parametrize("naive", [False, True])
@pytest.mark.parametrize("job", [jobs.remind_daily, jobs.follow_up])
async def test_two_workers_at_once_send_one_message(
    committed: Database, scene: Scene, settings: Settings, monkeypatch: pytest.MonkeyPatch, job: Any, naive: bool
) -> None:
    """`naive` looks whether it was said and says it then, as both workers do at once: the judgement refuses that."""
    registration_id = await register(committed, scene)
    who = scene.branch.instructor if job is jobs.remind_daily else scene.branch.secretary
    async with committed.transaction() as session:
        await session.exec(
            sa.update(Registration).where(col(Registration.id) == registration_id).values(
                status=Status.APPROVED, management="direct", next_contact_on=ago(1), contact_account_id=scene.branch.instructor.id
            )
        )
        if job is jobs.follow_up:
            await leave(session, scene.branch.instructor.id)
        await session.exec(sa.delete(Message).where(col(Message.member_id).in_(scene.everybody)))
    if naive:
        _forget_to_claim(monkeypatch)
    context = Context(committed, None, None, settings)
    async with asyncio.timeout(20):
        await asyncio.gather(job(context), job(context))
    async with committed.session() as session:
        sent = (await session.exec(sa.select(Message).where(col(Message.member_id) == who.id))).scalars().all()
    if naive:
        with pytest.raises(AssertionError):
            told_once(sent)
    else:
        told_once(sent)


def _forget_to_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    both = asyncio.Barrier(2)

    async def say(session: AsyncSession, account_id: UUID, kind: ReminderKind) -> None:
        heard = await session.exec(sa.select(Message).where(col(Message.member_id) == account_id))
        nothing = heard.first() is None
        await both.wait()
        if nothing:
            await notices.remind(session, account_id=account_id, kind=kind, count=1)

    async def daily(session: AsyncSession, *, kind: ReminderKind, account_id: UUID, **_: Any) -> None:
        await say(session, account_id, kind)

    async def once(session: AsyncSession, *, kind: ReminderKind, organisation_id: UUID, **_: Any) -> None:
        for account_id in await notices.secretaries(session, organisation_id):
            await say(session, account_id, kind)

    monkeypatch.setattr(remind, "daily", daily)
    monkeypatch.setattr(remind, "once", once)
