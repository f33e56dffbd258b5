"""S30 and S36 in full, over two worker processes behind a proxy of ours: a thousand guesses each way, and whether time tells of a name."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial

import asyncpg
import httpx
import pytest

from app.security import passwords
from tests.support.newcomer import API
from tests.support.service import PASSWORD, Service, running_service
from tests.trust.plugin import Measure
from tests.trust.rig import timing

ADDRESSES, GUESSES, AT_ONCE = 50, 1_000, 12
SAMPLES = int(os.environ.get("TRUST_SAMPLES", "500"))
PER_ADDRESS, OVER_ALL, PER_ACCOUNT = 300, 1_000, 10
LIMIT_SECONDS = 400.0


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Behind a proxy: what it says of the client's address is believed."""
    with running_service(trusted_proxies="127.0.0.1") as running:
        made = running.manage("create-admin", "chief")
        assert made.returncode == 0, made.stdout
        yield running


@pytest.fixture
async def database(service: Service) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(service.database_url)
    await connection.execute("delete from throttle_hit")
    yield connection
    await connection.close()


@pytest.fixture
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=limits) as client:
        yield client


async def guess(
    http: httpx.AsyncClient, name: str, number: int, password: str = "a wrong guess", device: str = "guesser"
) -> httpx.Response:
    """From one of many addresses, with one before it that the client made up."""
    headers = {"X-Forwarded-For": f"203.0.113.{number % 250}, 198.51.100.{number % ADDRESSES}", "User-Agent": device}
    return await http.post(f"{API}/auth/password", json={"username": name, "password": password}, headers=headers)


async def some_at_once(works: Sequence[Callable[[], Awaitable[httpx.Response]]]) -> list[httpx.Response]:
    """429 of the queue of weighings (`rate_limited`) is no answer of a limit: asked again."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(work: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        async with gate:
            for _ in range(20):
                answer = await work()
                if answer.status_code != 503 and not (answer.status_code == 429 and answer.json()["code"] == "rate_limited"):
                    break
                await asyncio.sleep(0.2)
            return answer

    async with asyncio.timeout(LIMIT_SECONDS):
        return list(await asyncio.gather(*(one(work) for work in works)))


def evaluated(answers: Sequence[httpx.Response]) -> int:
    """How many heard whether they were right; the others must wait, and hear for how long."""
    heard = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert set(heard) <= {(401, "bad_credentials"), (429, "too_many_attempts")}, heard
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers if answer.status_code == 429)
    return heard[401, "bad_credentials"]


@pytest.mark.check("S30", tier="N")
async def test_a_thousand_guesses_from_fifty_addresses_at_one_account(
    http: httpx.AsyncClient, database: asyncpg.Connection, measured: Measure
) -> None:
    assert (await guess(http, "chief", 49, PASSWORD, "the owner's browser")).status_code == 200
    told = 0
    for part in range(2):
        numbers = range(part * GUESSES // 2, (part + 1) * GUESSES // 2)
        told += evaluated(await some_at_once([partial(guess, http, "chief", number) for number in numbers]))
        await database.execute("update throttle_hit set created_at = created_at - interval '31 seconds'")
    assert told == PER_ACCOUNT
    assert (await guess(http, "chief", 49, PASSWORD, "the owner's browser")).status_code == 200, "where the owner has been before"
    stopped = await guess(http, "chief", 7, PASSWORD, "a new browser")
    wait = int(stopped.headers["retry-after"])
    assert stopped.status_code == 429 and wait <= 900
    await database.execute("update throttle_hit set created_at = created_at - make_interval(secs => $1)", wait)
    assert (await guess(http, "chief", 7, PASSWORD, "a new browser")).status_code == 200
    measured("evaluated of 1,000 guesses", told)
    measured("owner waits", wait, "s")


@pytest.mark.check("S30", "S36", tier="N")
async def test_a_thousand_accounts_with_one_guess_each(http: httpx.AsyncClient, database: asyncpg.Connection, measured: Measure) -> None:
    """Three hundred from one address, whatever it says it is; then a thousand from everywhere; then everybody waits, for minutes."""
    began = time.monotonic()

    def works(first: int, count: int, place: int | None) -> list[Callable[[], Awaitable[httpx.Response]]]:
        return [partial(guess, http, f"account-{n}", n if place is None else place) for n in range(first, first + count)]

    async def unhurried(told: int, asked: list[Callable[[], Awaitable[httpx.Response]]]) -> int:
        """Keeps what was counted young, so that a slow machine does not let the windows pass."""
        answers = await some_at_once(asked)
        await database.execute("update throttle_hit set created_at = clock_timestamp()")
        return told + evaluated(answers)

    alone = await unhurried(0, works(0, 160, 3))
    alone = await unhurried(alone, works(160, 180, 3))
    everybody = alone
    for first in range(1_000, 1_000 + 840, 140):
        everybody = await unhurried(everybody, works(first, 140, None))
    stopped = await guess(http, "chief", 11, PASSWORD)
    measured("evaluated from one address", alone)
    measured("evaluated in all", everybody)
    measured("seconds", round(time.monotonic() - began), "s")
    assert alone == PER_ADDRESS and everybody == OVER_ALL
    assert stopped.status_code == 429 and 0 < int(stopped.headers["retry-after"]) <= 300
    await database.execute("update throttle_hit set created_at = created_at - interval '300 seconds'")
    assert (await guess(http, "chief", 11, PASSWORD)).status_code == 200


async def times(http: httpx.AsyncClient, database: asyncpg.Connection, rounds: int) -> dict[str, list[float]]:
    async def room() -> None:
        await database.execute("delete from throttle_hit")

    return await timing.in_turn(
        {"known": lambda: guess(http, "chief", 5), "unknown": lambda: guess(http, "nobody-of-this-name", 5)}, rounds, before=room,
        seconds=LIMIT_SECONDS,
    )


@pytest.mark.check("S30", tier="N")
async def test_time_does_not_tell_whether_there_is_such_a_name(
    http: httpx.AsyncClient, database: asyncpg.Connection, measured: Measure
) -> None:
    spent = await times(http, database, SAMPLES)
    measured("known and unknown apart", round(timing.apart(spent) * 1_000, 2), "ms")
    timing.alike(spent)


@pytest.mark.variant("S30", tier="N")
async def test_a_weighing_that_is_left_out_is_measured() -> None:
    """The known-bad variant, by its cause alone: nothing is weighed for a name that nobody has."""
    kept = await passwords.hash_password(PASSWORD)

    async def known() -> None:
        await passwords.matches("wrong", kept)

    async def nothing() -> None:
        return

    spent = await timing.in_turn({"known": known, "unknown": nothing}, 20, before=nothing, seconds=60)
    with pytest.raises(AssertionError):
        timing.alike(spent)
