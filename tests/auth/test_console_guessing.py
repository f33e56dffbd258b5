"""S30 as a row: many addresses against one account, the second factor's windows, a clock turned back, and unknown names weighed alike."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.auth import queries
from app.auth.service import guesses
from app.db.session import AsyncSession
from app.security import otp as totp
from app.security import passwords
from tests.auth.calls import attempt, enrolled, execute, refusal, row
from tests.support.people import CONSOLE_PASSWORD, People, Person
from tests.trust.plugin import Measure

ADDRESSES, MOST = 50, 10
COST = "$argon2id$v=19$m=19456,t=2,p=1$"
LATER = "update throttle_hit set created_at = created_at - make_interval(secs => :seconds)"


@pytest.fixture
async def admin(people: People) -> Person:
    return await people.console()


@pytest.fixture
def weighed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Against what passwords were weighed, one entry for each time that the work was done."""
    seen: list[str] = []
    honest = passwords._matches

    def noting(password: str, phc: str) -> bool:
        seen.append(phc)
        return honest(password, phc)

    monkeypatch.setattr(passwords, "_matches", noting)
    return seen


@asynccontextmanager
async def from_address(application: FastAPI, number: int) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application, client=(f"198.51.100.{number}", 4_711))
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers={"User-Agent": f"guesser {number}"}) as http:
        yield http


@pytest.mark.check("S30")
@pytest.mark.usefixtures("client")
async def test_fifty_addresses_get_ten_answers_about_one_account(
    application: FastAPI, admin: Person, session: AsyncSession, weighed: list[str], measured: Measure
) -> None:
    """Once each, then some again after the short stop; then the owner, a quarter of an hour on."""
    heard = []
    for addresses in (ADDRESSES, 12):
        for number in range(addresses):
            async with from_address(application, number) as http:
                heard.append(refusal(await attempt(http, admin.username, "a guess")))
        await execute(session, LATER, seconds=31)
    assert heard.count((401, "bad_credentials")) == MOST and set(heard) == {(401, "bad_credentials"), (429, "too_many_attempts")}
    assert len(weighed) == MOST, "what is stopped is not weighed"
    async with from_address(application, 99) as http:
        stopped = await attempt(http, admin.username)
        assert refusal(stopped) == (429, "too_many_attempts") and 0 < int(stopped.headers["Retry-After"]) <= 900
        await execute(session, LATER, seconds=int(stopped.headers["Retry-After"]))
        assert (await attempt(http, admin.username)).status_code == 200
    measured("evaluated", MOST)


def same_work(known: Sequence[str], unknown: Sequence[str]) -> None:
    """Judge: one weighing each, at the same cost."""
    assert len(known) == len(unknown) == 1 and all(phc.startswith(COST) for phc in (*known, *unknown)), (known, unknown)


async def both(client: httpx.AsyncClient, name: str | None, weighed: list[str]) -> tuple[list[str], list[str]]:
    found = []
    for username in (name, "nobody-of-this-name"):
        weighed.clear()
        assert refusal(await attempt(client, username, "wrong")) == (401, "bad_credentials")
        found.append(list(weighed))
    return found[0], found[1]


@pytest.mark.check("S30")
async def test_an_unknown_name_is_weighed_like_a_known_one(
    client: httpx.AsyncClient, admin: Person, weighed: list[str], statements: list[str]
) -> None:
    same_work(*await both(client, admin.username, weighed))
    counts = []
    for username in (admin.username, "nobody-of-this-name"):
        statements.clear()
        await attempt(client, username, "wrong")
        counts.append([statement.split()[0].lower() for statement in statements])
    assert counts[0] == counts[1], "the same statements"


@pytest.mark.variant("S30")
async def test_a_name_that_is_looked_up_first_is_told_by_the_time(
    client: httpx.AsyncClient, admin: Person, weighed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: nothing is weighed for a name that nobody has."""
    honest = passwords._matches_or_dummy

    def quick(password: str, phc: str | None) -> bool:
        return phc is not None and honest(password, phc)

    monkeypatch.setattr(passwords, "_matches_or_dummy", quick)
    with pytest.raises(AssertionError):
        same_work(*await both(client, admin.username, weighed))


@pytest.mark.check("S30")
async def test_guesses_of_the_second_factor_have_an_hour_and_a_day(client: httpx.AsyncClient, admin: Person, session: AsyncSession) -> None:
    """5 in five minutes (`test_password_sign_in`), 20 in an hour, 50 in a day; the password alone opens nothing meanwhile."""
    factor = await enrolled(client, admin.headers)
    hits = (
        "insert into throttle_hit (id, key, created_at) select gen_random_uuid(), :key, clock_timestamp() - make_interval(secs => :ago)"
        " from generate_series(1, :count)"
    )
    for count, ago, rest in ((20, 1_000, 2_600), (50, 4_000, 82_400)):
        await execute(session, "delete from throttle_hit")
        await execute(session, hits, key=f"factor:{admin.id}", ago=ago, count=count)
        stopped = await attempt(client, admin.username, otp=factor.code())
        assert refusal(stopped) == (429, "too_many_attempts") and rest - 20 <= int(stopped.headers["Retry-After"]) <= rest
        assert refusal(await attempt(client, admin.username)) == (401, "otp_required")
    await execute(session, LATER, seconds=rest)
    assert (await attempt(client, admin.username, otp=factor.code())).status_code == 200


def turned_back(monkeypatch: pytest.MonkeyPatch, seconds: int) -> Callable[[], None]:
    """From the call on, the database's clock is so many seconds behind for the second factor."""
    honest = queries.lock_factor

    async def earlier(session: AsyncSession, account_id: Any) -> Any:
        factor, at = await honest(session, account_id)
        return factor, at - seconds

    return lambda: monkeypatch.setattr(queries, "lock_factor", earlier)


async def replayed(client: httpx.AsyncClient, admin: Person, turn_back: Callable[[], None]) -> list[tuple[int, str]]:
    """What is heard of a code that was used, and of the one before it, when the clock has been turned back to when they were new."""
    factor = await enrolled(client, admin.headers)
    used, before = factor.code(), factor.code(-1)
    assert (await attempt(client, admin.username, otp=used)).status_code == 200
    turn_back()
    answers = [await attempt(client, admin.username, otp=code) for code in (used, before, f" {used[:3]}-{used[3:]} ")]
    return [(answer.status_code, str(answer.json().get("code"))) for answer in answers]


@pytest.mark.check("S30")
async def test_a_code_is_not_taken_again_after_the_clock_went_back(
    client: httpx.AsyncClient, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await replayed(client, admin, turned_back(monkeypatch, 30)) == [(401, "bad_credentials")] * 3


@pytest.mark.variant("S30")
async def test_who_forgets_the_last_step_takes_it_again(
    client: httpx.AsyncClient, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The known-bad variant: a code is good as long as its time is."""
    honest = totp.step_of
    monkeypatch.setattr(totp, "step_of", lambda secret, code, *, at, last_step: honest(secret, code, at=at, last_step=0))
    heard = await replayed(client, admin, turned_back(monkeypatch, 30))
    assert (200, "None") in heard


@pytest.mark.check("S30")
@pytest.mark.usefixtures("client")
async def test_a_thousand_accounts_with_one_guess_each_are_one_stop_of_the_address(
    application: FastAPI, admin: Person, session: AsyncSession, weighed: list[str]
) -> None:
    """No account's own counter is near its limit: the address's is, and everybody's. The rows stand for guesses already made."""
    async with from_address(application, 1) as http:
        assert refusal(await attempt(http, "the-first-of-them", "autumn-2026")) == (401, "bad_credentials")
    key = (await row(session, "select key from throttle_hit where key like 'password:from:%'")).key
    made = "insert into throttle_hit (id, key) select gen_random_uuid(), :key from generate_series(1, :count)"
    await execute(session, made, key=key, count=guesses.PER_ADDRESS.limit - 1)
    weighed.clear()
    async with from_address(application, 1) as same, from_address(application, 2) as other:
        assert refusal(await attempt(same, "one-more-of-them", "autumn-2026")) == (429, "too_many_attempts")
        assert not weighed
        assert (await attempt(other, admin.username, CONSOLE_PASSWORD)).status_code == 200, "the others go on"
        await execute(session, made, key=guesses.EVERYBODY, count=guesses.OVER_ALL.limit)
        stopped = await attempt(other, "one-more-of-them", "autumn-2026")
        assert refusal(stopped) == (429, "too_many_attempts") and int(stopped.headers["Retry-After"]) <= 300
