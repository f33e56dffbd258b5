"""Many at once, with real commits: one token, one openid, one guessed account, the last two administrators; and jobs and triggers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.exc import DBAPIError

from app.auth import queries, queries_grants
from app.auth import service as auth_service
from app.auth.roles import Role, ScopeType
from app.auth.service import guesses
from app.db.base import new_id
from app.db.session import AsyncSession, Database
from app.errors import Conflict
from app.security import passwords, throttles
from app.settings import Settings
from app.wechat.client import WeChatClient
from tests.auth.calls import API, attempt, bearer, enrolled, execute, row
from tests.support.owner import as_owner
from tests.support.people import CONSOLE_PASSWORD, People, Person
from tests.support.simulator import RunningSimulator


@pytest.fixture
async def live(application: FastAPI, committed: Database, wechat: WeChatClient) -> AsyncIterator[httpx.AsyncClient]:
    """The application over the real pool. What it counted under the address that all tests share is taken away again."""
    application.state.database, application.state.wechat = committed, wechat
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://test") as client:
        yield client
    async with committed.transaction() as session:
        await execute(session, "delete from throttle_hit")


async def committed_row(database: Database, sql: str, **values: Any) -> Any:
    async with database.session() as session:
        return await row(session, sql, **values)


async def at_once(count: int, call: Callable[[], Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return list(await asyncio.gather(*(call() for _ in range(count))))


@pytest.mark.check("S29", part=True)
async def test_parallel_uses_of_one_refresh_token_get_one_child(
    live: httpx.AsyncClient, simulator: RunningSimulator, committed: Database
) -> None:
    signed = (await live.post(f"{API}/auth/wechat", json={"code": await simulator.code(f"并发-{uuid4()}")})).json()
    token = {"refresh_token": signed["refresh_token"]}
    answers = await at_once(16, lambda: live.post(f"{API}/auth/refresh", json=token))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1
    kept = await committed_row(
        committed, "select count(*) as n from refresh_token r join auth_session s on s.id = r.session_id where s.account_id = :id",
        id=UUID(signed["account"]["id"]),
    )
    assert kept.n == 2
    assert (await live.get(f"{API}/auth/sessions", headers=bearer(answers[0].json()))).status_code == 200


@pytest.mark.check("S31", part=True)
async def test_one_person_who_signs_in_ten_times_at_once_is_one_account(
    live: httpx.AsyncClient, simulator: RunningSimulator, committed: Database
) -> None:
    person = f"十次-{uuid4()}"
    codes = [await simulator.code(person) for _ in range(10)]
    answers = await asyncio.gather(*(live.post(f"{API}/auth/wechat", json={"code": code}) for code in codes))
    accounts = [answer.json()["account"] for answer in answers]
    assert len({one["id"] for one in accounts}) == 1 and sum(one["created"] for one in accounts) == 1
    live_ones = await committed_row(
        committed, "select count(*) as n from auth_session where account_id = :id and ended_at is null", id=UUID(accounts[0]["id"])
    )
    assert live_ones.n == 5


async def guesses_heard(live: httpx.AsyncClient, committed: Database) -> int:
    """How many of sixteen simultaneous guesses heard whether they were right."""
    name = f"guessed-{uuid4().hex[:12]}"
    hashed = await passwords.hash_password("a password that nobody guesses")
    async with committed.transaction() as session:
        await auth_service.create_console_account(session, username=name, password_hash=hashed)
    answers = await at_once(16, lambda: live.post(f"{API}/auth/password", json={"username": name, "password": "wrong"}))
    assert {answer.status_code for answer in answers} <= {401, 429}
    return sum(answer.status_code == 401 for answer in answers)


@pytest.mark.check("S30", part=True)
async def test_a_burst_of_guesses_gets_five_answers(live: httpx.AsyncClient, committed: Database) -> None:
    assert await guesses_heard(live, committed) == 5


@pytest.mark.variant("S30")
async def test_counting_without_judging_again_lets_a_burst_through(
    live: httpx.AsyncClient, committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: the stop is looked at before the weighing only, and all of the burst look at once."""

    def only_counts(keys: guesses.Counters, account_id: UUID | None) -> guesses.Step:
        async def step(session: AsyncSession) -> None:
            await throttles.count_failure(session, keys.account[0])

        return step

    monkeypatch.setattr(guesses, "wrong_password", only_counts)
    assert await guesses_heard(live, committed) > 5


@pytest.mark.check("S30", part=True)
async def test_one_code_opens_one_session_however_many_send_it(live: httpx.AsyncClient, committed: Database) -> None:
    """A code of the app, then a recovery code, eight times at once each."""
    name = f"factored-{uuid4().hex[:12]}"
    hashed = await passwords.hash_password(CONSOLE_PASSWORD)
    async with committed.transaction() as session:
        await auth_service.create_console_account(session, username=name, password_hash=hashed)
    factor = await enrolled(live, bearer((await attempt(live, name)).json()))
    for code in (factor.code(), factor.recovery[0]):
        answers = await at_once(8, lambda code=code: attempt(live, name, otp=code))  # type: ignore[misc]
        assert sorted({answer.status_code for answer in answers} - {429}) == [200, 401]
        assert sum(answer.status_code == 200 for answer in answers) == 1
        async with committed.transaction() as session:
            await execute(session, "delete from throttle_hit")


async def two_admins(database: Database) -> tuple[Any, list[UUID]]:
    """A county with two administrators, and somebody who may remove both."""
    area, account_ids = uuid4(), [uuid4() for _ in range(3)]
    async with database.transaction() as session:
        await auth_service.put_scope(session, scope_type=ScopeType.AREA, scope_id=area, area_path="379999/", name="竞争县")
        people = [await auth_service.ensure_account(session, openid=f"race-{one}") for one in account_ids]
        await auth_service.appoint(
            session, account_id=people[2].id, role=Role.PLATFORM_ADMIN, scope_type=ScopeType.PLATFORM, scope_id=None
        )
        given = [
            await auth_service.appoint(session, account_id=one.id, role=Role.AREA_ADMIN, scope_type=ScopeType.AREA, scope_id=area)
            for one in people[:2]
        ]
        principal = await queries.principal_of(session, account_id=people[2].id)
    return principal, [one.id for one in given]


async def removed(database: Database) -> list[str]:
    principal, grants = await two_admins(database)
    ready = asyncio.Barrier(2)

    async def remove(grant_id: UUID) -> str:
        async with database.session() as session:
            await ready.wait()
            try:
                await auth_service.revoke(session, principal=principal, grant_id=grant_id)
                await session.commit()
            except Conflict:
                return "refused"
            return "removed"

    return sorted(await asyncio.gather(*(remove(one) for one in grants)))


async def test_the_last_two_administrators_cannot_be_removed_at_once(committed: Database) -> None:
    for _ in range(5):
        assert await removed(committed) == ["refused", "removed"]


async def test_without_the_lock_on_the_scope_both_could_go(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The known-bad variant: each looks for the other before either has gone."""
    honest, looked = queries_grants.other_admins, asyncio.Barrier(2)
    scope = queries_grants.scope

    async def unlocked(session: AsyncSession, *, scope_type: ScopeType, scope_id: UUID, lock: bool = False) -> Any:
        return await scope(session, scope_type=scope_type, scope_id=scope_id)

    async def both_look(session: AsyncSession, *, scope_id: UUID, but: UUID) -> bool:
        found = await honest(session, scope_id=scope_id, but=but)
        await looked.wait()
        return found

    monkeypatch.setattr(queries_grants, "scope", unlocked)
    monkeypatch.setattr(queries_grants, "other_admins", both_look)
    assert await removed(committed) == ["removed", "removed"]


async def test_sweeps_forget_what_nobody_needs(session: AsyncSession, people: People, run_job: Any, settings: Settings) -> None:
    gone, kept = await people.member(), await people.member()
    await execute(
        session, "update auth_session set ended_at = clock_timestamp() - interval '36 days', end_reason = 'logout' where account_id = :id",
        id=gone.id,
    )
    await execute(session, "update auth_session set expires_at = clock_timestamp() - interval '34 days' where account_id = :id", id=kept.id)
    for sql in (
        "insert into throttle_hit (id, key, created_at) values (:id, 'old', clock_timestamp() - interval '3 days')",
        "insert into idempotency_key (account_id, key, row_id, fingerprint, status, media_type, body, created_at)"
        " values (:id, 'old-key-1', :id, '', 200, 'x', '', clock_timestamp() - interval '9 days')",
    ):
        await execute(session, sql, id=new_id())
    for job in ("auth.sweep_hits", "auth.sweep_answers", "auth.sweep_sessions"):
        await run_job(job)
        await run_job(job)
    left = await row(
        session, "select (select count(*) from auth_session where account_id = :gone) as gone,"
        " (select count(*) from auth_session where account_id = :kept) as kept,"
        " (select count(*) from throttle_hit where key = 'old') as hits,"
        " (select count(*) from idempotency_key where key = 'old-key-1') as answers", gone=gone.id, kept=kept.id,
    )
    assert tuple(left) == (0, 1, 0, 0)


@pytest.mark.parametrize("tamper", ["update audit_event set actor_id = null", "delete from audit_event", "truncate audit_event"])
async def test_the_audit_trail_takes_no_changes(session: AsyncSession, people: People, tamper: str) -> None:
    await people.member()
    with pytest.raises(DBAPIError, match="append-only"):
        async with session.begin_nested(), as_owner(session):
            await execute(session, tamper)


async def test_events_leave_when_their_time_is_over(session: AsyncSession, admin_event: UUID) -> None:
    await execute(session, "set local role xinxin_keeper")
    assert (await row(session, "delete from audit_event where id = :id returning id", id=admin_event)).id == admin_event


@pytest.fixture
async def admin_event(session: AsyncSession) -> UUID:
    event = new_id()
    await execute(
        session, "insert into audit_event (id, created_at, actor_kind, action, object_kind, outcome, facts)"
        " values (:id, clock_timestamp() - interval '401 days', 'job', 'test.old', 'test', 'ok', '{}')", id=event,
    )
    return event


async def test_a_second_request_carries_its_key_for_the_features(
    client: httpx.AsyncClient, people: People, session: AsyncSession
) -> None:
    """An Idempotency-Key on a sign-in route of a signed-in caller is honoured; on public routes it is ignored."""
    admin: Person = await people.console()
    headers = {**admin.headers, "Idempotency-Key": "enrol-0001"}
    first, again = [await client.post(f"{API}/auth/otp", headers=headers) for _ in range(2)]
    assert first.content == again.content and again.headers["Idempotency-Replayed"] == "true"
    body = {"refresh_token": "unknown"}
    for _ in range(2):
        answer = await client.post(f"{API}/auth/refresh", json=body, headers={"Idempotency-Key": "x"})
        assert answer.status_code == 401
    kept = await session.exec(sa.select(sa.func.count()).select_from(sa.text("idempotency_key")))
    assert kept.scalar_one() == 1
