"""The console's way in (reliability.md 4.4): stops, second factors, recovery codes, step-up; times are moved in the rows."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI

from app.auth import service as auth_service
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession
from app.security import otp as totp
from app.settings import Settings
from tests.auth.calls import API, Factor, attempt, bearer, enrolled, execute, refusal, row
from tests.support.people import CONSOLE_PASSWORD, People, Person

STRANGER = {"User-Agent": "stranger"}


@pytest.fixture
async def admin(people: People) -> Person:
    return await people.console()


async def test_name_and_password_open_a_session_of_the_console(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    answer = await attempt(client, f" {(admin.username or '').upper()} ")
    assert answer.status_code == 200
    assert answer.json()["account"] == {
        "id": str(admin.id), "kind": "console", "status": "active", "created": False, "otp_pending": False,
    }
    newest = "from auth_session where account_id = :id order by id desc limit 1"
    life = await row(session, f"select expires_at - created_at as idle {newest}", id=admin.id)
    assert 1_799 < life.idle.total_seconds() < 1_801
    await execute(session, "update auth_session set created_at = created_at - interval '11 hours 45 minutes'")
    assert (await client.post(f"{API}/auth/refresh", json={"refresh_token": answer.json()["refresh_token"]})).status_code == 200
    left = await row(session, f"select expires_at - clock_timestamp() as rest {newest}", id=admin.id)
    assert left.rest.total_seconds() <= 900, "twelve hours, whatever is refreshed"


async def test_nothing_tells_what_was_wrong(client: httpx.AsyncClient, admin: Person, people: People) -> None:
    wrong, unknown = await attempt(client, admin.username, "wrong-password"), await attempt(client, "nobody-at-all", "wrong-password")
    assert refusal(wrong) == refusal(unknown) == (401, "bad_credentials")
    differing = {"request_id"}
    assert {k: v for k, v in wrong.json().items() if k not in differing} == {k: v for k, v in unknown.json().items() if k not in differing}
    assert refusal(await attempt(client, admin.username, f" {CONSOLE_PASSWORD}")) == (401, "bad_credentials"), "taken as typed"
    for body in ({"username": "a"}, {"username": "a\u0000b", "password": "x"}, {"username": "a", "password": "x" * 129}, {"password": "x"}):
        assert (await client.post(f"{API}/auth/password", json=body)).status_code == 422


@pytest.mark.check("S30", part=True)
async def test_five_failures_stop_the_account_and_ten_for_longer(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    for _ in range(5):
        assert refusal(await attempt(client, admin.username, "wrong")) == (401, "bad_credentials")
    stopped = await attempt(client, admin.username)
    assert refusal(stopped) == (429, "too_many_attempts") and 25 <= int(stopped.headers["Retry-After"]) <= 30
    assert refusal(await attempt(client, "somebody-else", "wrong")) == (401, "bad_credentials"), "the others are not stopped"
    await execute(session, "update throttle_hit set created_at = created_at - interval '31 seconds'")
    for _ in range(5):
        assert refusal(await attempt(client, admin.username, "wrong")) == (401, "bad_credentials")
    stopped = await attempt(client, admin.username)
    assert refusal(stopped) == (429, "too_many_attempts") and 890 <= int(stopped.headers["Retry-After"]) <= 900
    events = await row(session, "select count(*) as n from audit_event where action = 'auth.password' and object_id = :id", id=admin.id)
    assert events.n == 10
    await execute(session, "update throttle_hit set created_at = created_at - interval '901 seconds'")
    assert (await attempt(client, admin.username)).status_code == 200, "never for good"


async def test_a_name_that_nobody_has_is_stopped_alike(client: httpx.AsyncClient) -> None:
    answers = [refusal(await attempt(client, "nobody-here", "wrong")) for _ in range(6)]
    assert answers == [(401, "bad_credentials")] * 5 + [(429, "too_many_attempts")]


async def test_a_success_ends_the_run(client: httpx.AsyncClient, admin: Person) -> None:
    for _ in range(2):
        for _ in range(4):
            await attempt(client, admin.username, "wrong")
        assert (await attempt(client, admin.username)).status_code == 200


@pytest.mark.check("S30", part=True)
async def test_a_stranger_cannot_shut_out_a_device_that_has_signed_in(client: httpx.AsyncClient, admin: Person) -> None:
    assert (await attempt(client, admin.username)).status_code == 200
    for _ in range(5):
        await attempt(client, admin.username, "wrong", headers=STRANGER)
    assert refusal(await attempt(client, admin.username, headers=STRANGER)) == (429, "too_many_attempts")
    assert (await attempt(client, admin.username)).status_code == 200


async def test_an_address_is_stopped_after_three_hundred(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    await attempt(client, "first-guess", "wrong")
    key = (await row(session, "select key from throttle_hit where key like 'password:from:%'")).key
    await execute(
        session, "insert into throttle_hit (id, key, created_at) select gen_random_uuid(), :key, clock_timestamp() - interval '10 seconds'"
        " from generate_series(1, 299)", key=key,
    )
    stopped = await attempt(client, admin.username)
    assert refusal(stopped) == (429, "too_many_attempts") and 280 <= int(stopped.headers["Retry-After"]) <= 300


async def test_a_suspended_account_is_told_so_only_with_the_right_password(
    client: httpx.AsyncClient, admin: Person, session: AsyncSession
) -> None:
    await auth_service.set_status(session, account_id=admin.id, status=AccountStatus.SUSPENDED)
    assert refusal(await attempt(client, admin.username, "wrong")) == (401, "bad_credentials")
    assert refusal(await attempt(client, admin.username)) == (403, "account_suspended")


@pytest.mark.check("S30", part=True)
async def test_a_second_factor_is_asked_for_and_works_once(client: httpx.AsyncClient, admin: Person) -> None:
    before = (await attempt(client, admin.username)).json()
    factor = await enrolled(client, admin.headers)
    assert (await client.get(f"{API}/auth/sessions", headers=bearer(before))).status_code == 401, "opened without the factor"
    assert refusal(await attempt(client, admin.username)) == (401, "otp_required")
    assert refusal(await attempt(client, admin.username, "wrong", otp=factor.code())) == (401, "bad_credentials")
    code = factor.code()
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in code)
    assert refusal(await attempt(client, admin.username, otp=wide)) == (401, "bad_credentials")
    assert (await attempt(client, admin.username, otp=f"{code[:3]} {code[3:]}")).status_code == 200
    assert refusal(await attempt(client, admin.username, otp=code)) == (401, "bad_credentials")
    assert refusal(await client.post(f"{API}/auth/otp", headers=admin.headers)) == (409, "already_exists")


@pytest.mark.check("S30", part=True)
async def test_a_recovery_code_is_burned(client: httpx.AsyncClient, admin: Person) -> None:
    factor = await enrolled(client, admin.headers)
    assert len(factor.recovery) == 10
    typed = factor.recovery[3].lower().replace("-", " ")
    assert (await attempt(client, admin.username, otp=typed)).status_code == 200
    assert refusal(await attempt(client, admin.username, otp=typed)) == (401, "bad_credentials")
    assert (await attempt(client, admin.username, otp=factor.recovery[4])).status_code == 200


async def test_guesses_of_a_second_factor_are_stopped(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    factor = await enrolled(client, admin.headers)
    wrong = f"{(int(factor.code()) + 1) % 10**6:06d}"
    for _ in range(5):
        assert refusal(await attempt(client, admin.username, otp=wrong)) == (401, "bad_credentials")
    stopped = await attempt(client, admin.username, otp=factor.code())
    assert refusal(stopped) == (429, "too_many_attempts") and int(stopped.headers["Retry-After"]) > 290
    await execute(session, "update throttle_hit set created_at = created_at - interval '301 seconds'")
    assert (await attempt(client, admin.username, otp=factor.code())).status_code == 200


async def test_a_factor_is_for_the_console_and_wants_its_own_code(client: httpx.AsyncClient, admin: Person, people: People) -> None:
    member = await people.member()
    assert refusal(await client.post(f"{API}/auth/otp", headers=member.headers)) == (403, "forbidden")
    assert refusal(await client.post(f"{API}/auth/otp/confirm", headers=admin.headers, json={"otp": "123456"})) == (409, "conflict")
    factor = Factor((await client.post(f"{API}/auth/otp", headers=admin.headers)).json())
    assert refusal(await client.post(f"{API}/auth/otp/confirm", headers=admin.headers, json={"otp": "000000"}))[0] == 401
    assert (await attempt(client, admin.username)).status_code == 200, "not in force before it is confirmed"
    later = Factor((await client.post(f"{API}/auth/otp", headers=admin.headers)).json())
    assert later.secret != factor.secret


@pytest.fixture
def in_production(application: FastAPI, settings: Settings) -> Iterator[None]:
    application.state.settings = settings.model_copy(update={"env": "production"})
    yield
    application.state.settings = settings


async def test_production_wants_a_second_factor_before_anything_else(
    client: httpx.AsyncClient, admin: Person, in_production: None
) -> None:
    signed = (await attempt(client, admin.username)).json()
    assert signed["account"]["otp_pending"] is True
    assert refusal(await client.get(f"{API}/auth/grants", headers=bearer(signed))) == (403, "step_up_required")
    assert refusal(await client.post(f"{API}/auth/step-up", headers=bearer(signed), json={"password": CONSOLE_PASSWORD}))[0] == 403
    factor = await enrolled(client, bearer(signed))
    assert (await client.get(f"{API}/auth/grants", headers=bearer(signed))).status_code == 200
    again = await attempt(client, admin.username, otp=factor.code())
    assert again.status_code == 200 and again.json()["account"]["otp_pending"] is False


async def test_stepping_up_by_password(client: httpx.AsyncClient, admin: Person, session: AsyncSession, people: People) -> None:
    async def step_up(**body: str) -> httpx.Response:
        return await client.post(f"{API}/auth/step-up", headers=admin.headers, json=body)

    assert refusal(await step_up(password="wrong")) == (401, "bad_credentials")
    assert (await step_up(password=CONSOLE_PASSWORD)).status_code == 200
    state = await row(session, "select stepped_up_until > clock_timestamp() as up from auth_session where account_id = :id", id=admin.id)
    assert state.up
    factor = await enrolled(client, admin.headers)
    assert refusal(await step_up(password=CONSOLE_PASSWORD)) == (401, "otp_required")
    assert (await step_up(password=CONSOLE_PASSWORD, otp=factor.code())).status_code == 200
    member = await people.member()
    assert (await client.post(f"{API}/auth/step-up", headers=member.headers, json={"password": "x"})).status_code == 422


async def test_no_secret_stands_in_the_tables(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    factor = await enrolled(client, admin.headers)
    kept = await row(session, "select secret_sealed, recovery_hashes from otp_factor where account_id = :id", id=admin.id)
    assert factor.secret not in kept.secret_sealed and len(kept.recovery_hashes) == 10
    assert totp.normalise(factor.recovery[0]).encode() not in kept.recovery_hashes
    await attempt(client, admin.username, "wrong")
    facts = await row(session, "select string_agg(facts::text || coalesce(reason, ''), ' ') as all from audit_event")
    keys = await row(session, "select string_agg(key, ' ') as all from throttle_hit")
    assert (admin.username or "") not in facts.all + keys.all
