"""S16: a hundred requests wait for a locked table when SIGTERM comes; two replicas are restarted in turn under fifty requests a second."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg
import httpx
import pytest
import sqlalchemy as sa

from tests.support.newcomer import API, Caller, county_of
from tests.support.service import ROOT, STOP_SECONDS, Service, free_port, running_service, until
from tests.support.volley import Answer, Line, Shot, parsed, shot
from tests.trust.rig import nginx
from tests.trust.rig.replicas import two_replicas
from tests.trust.rig.slow import Load, Where, under

WAITING, RIDERS = 100, 20
GRACE_SECONDS = 12.0  # ten for what is in flight, two for the rest
RATE = 50
BACK_SECONDS = 3.0  # after a replica is ready again: nginx asks one that it could not reach again after up to 2 s


def judge(answers: Counter[int], kept: int, seconds: float, code: int) -> None:
    """Each was answered; a yes is one order and a no is none; nothing held the end up."""
    assert set(answers) <= {201, 503} and sum(answers.values()) == WAITING, answers
    assert kept == answers[201] > 0, (kept, answers)
    assert (code, seconds <= GRACE_SECONDS) == (0, True), (code, seconds)


@pytest.mark.check("S16", tier="N")
async def test_a_hundred_that_wait_finish_and_count_once(measured) -> None:
    with running_service() as service:
        async with county_of(service) as world:
            riders = [await world.rider(points=200) for _ in range(RIDERS)]
            reward = await world.reward()
            wishes = [(riders[number % RIDERS], {"reward_id": reward["id"]}, uuid4().hex) for number in range(WAITING)]
            shots = [shot(rider, "/redemptions", body, key=key) for rider, body, key in wishes]
            async with AsyncExitStack() as stack:
                *lines, half = await accepted(service, stack, [one.whole[:-1] for one in shots] + [shots[0].whole[:-9]])
                holder = await asyncpg.connect(service.database_url)
                await holder.execute("begin")
                await holder.execute("lock table redemption in access exclusive mode")
                for (_, writer), one in zip(lines, shots, strict=True):
                    writer.write(one.whole[-1:])
                await waiting(holder)
                stopping = asyncio.create_task(asyncio.to_thread(timed_stop, service))
                await asyncio.sleep(0.3)
                await holder.execute("rollback")
                await holder.close()
                async with asyncio.timeout(40):
                    answers = [parsed(await reader.read()) for reader, _ in lines]
                    last = parsed(await half[0].read())
                code, seconds = await stopping
            await asyncio.to_thread(service.start)
            kept = await orders_of(riders)
            statuses = Counter(answer.status for answer in answers)
            measured("answers to 100 that waited", dict(statuses))
            measured("the half-sent one heard", last.status)
            measured("ended after SIGTERM", round(seconds, 1), "s")
            judge(statuses, kept, seconds, code)
            assert (last.status, last.outcome) == (503, "busy")
            again = await asyncio.gather(*(asked(service, one) for one in shots))
            assert {answer.status for answer in again} == {201} and await orders_of(riders) == WAITING


async def orders_of(riders: list[Caller]) -> int:
    return sum([len((await rider.sees("/redemptions", limit=100))["items"]) for rider in riders])


async def accepted(service: Service, stack: AsyncExitStack, sent: list[bytes]) -> list[Line]:
    """A connection for each of these, all of which the service's processes hold."""
    lines = []
    for piece in sent:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        stack.callback(writer.close)
        writer.write(piece)
        lines.append((reader, writer))
    ports = [writer.get_extra_info("sockname")[1] for _, writer in lines]
    await asyncio.to_thread(until, lambda: len(service.holders(ports)) == len(ports), 20, "all accepted")
    return lines


async def asked(service: Service, one: Shot) -> Answer:
    """The same bytes once more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(one.whole)
    answer = parsed(await reader.read())
    writer.close()
    return answer


async def waiting(holder: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while await holder.fetchval("select count(*) from pg_locks where not granted") < 10:  # noqa: ASYNC110 - asks the database
            await asyncio.sleep(0.01)


def timed_stop(service: Service) -> tuple[int, float]:
    """SIGTERM for the whole service, as a supervisor sends it: exit code, seconds to the end. The embedded database ends after it."""
    assert service.process is not None
    started, process = time.monotonic(), service.process
    process.send_signal(signal.SIGTERM)
    code = process.wait(STOP_SECONDS)
    seconds = time.monotonic() - started
    service.stop()
    return code, seconds


@pytest.mark.variant("S16", tier="N")
def test_the_judge_refuses_a_lost_answer_and_a_hanging_end() -> None:
    for answers, kept, seconds, code in (
        (Counter({201: 99}), 99, 5.0, 0), (Counter({201: 99, 500: 1}), 99, 5.0, 0), (Counter({201: 99, 503: 1}), 100, 5.0, 0),
        (Counter({201: 100}), 100, 25.0, 0), (Counter({201: 100}), 100, 14.0, 1),
    ):
        with pytest.raises(AssertionError):
            judge(answers, kept, seconds, code)


def stopped(replica: Service) -> int:
    """One of two: the database goes on for the other."""
    assert replica.process is not None
    replica.process.send_signal(signal.SIGTERM)
    code = replica.process.wait(STOP_SECONDS)
    replica.process = None
    return code


@asynccontextmanager
async def rolled(where: Where, headers: dict[str, str]):
    """Reads, and one write in five, all the time."""

    async def ask(http: httpx.AsyncClient, number: int) -> httpx.Response:
        if number % 5:
            return await http.get(f"{API}/members/me", headers=headers)
        return await http.patch(f"{API}/members/me", json={"occupation": ("courier", "streamer")[number % 2]}, headers=headers)

    async with under(where, ask, rate=RATE) as load:
        yield load


@pytest.mark.check("S16", tier="N")
async def test_a_rolling_restart_fails_nobody(measured) -> None:
    with two_replicas() as site:
        async with county_of(site.first) as world:
            rider = await world.rider()
            with nginx.before([replica.port for replica in site.replicas]) as proxy:
                async with rolled(Where(proxy.port, proxy.authority), rider.headers) as load:
                    for replica in site.replicas:
                        await asyncio.sleep(BACK_SECONDS)
                        assert await asyncio.to_thread(stopped, replica) == 0
                        await asyncio.to_thread(replica.start)
                    await asyncio.sleep(2)
    measured("asked in the roll", len(load.seconds))
    measured("failed in the roll", load.failed)
    measured("statuses", dict(load.statuses))
    assert load.failed == 0, load.statuses


@pytest.mark.variant("S16", tier="N")
async def test_without_a_second_replica_a_restart_is_noticed() -> None:
    with running_service(workers=1) as service:
        async with county_of(service) as world:
            rider = await world.rider()
            with nginx.before([service.port]) as proxy:
                load: Load
                async with rolled(Where(proxy.port, proxy.authority), rider.headers) as load:
                    await asyncio.to_thread(service.stop)
                    await asyncio.to_thread(service.start)
    assert load.failed > 0


@pytest.mark.check("S16", tier="N")
@pytest.mark.parametrize("refusal", ["no role", "no secrets"])
def test_an_api_that_cannot_begin_says_why_and_ends_with_1(refusal: str, tmp_path, database_url: str) -> None:
    """Of two processes: uvicorn alone would end with 0 in one case, and start them for ever in the other."""
    told = {"no role": {"XINXIN_DATABASE_URL": without_roles(database_url)}, "no secrets": {"XINXIN_ENV": "production"}}[refusal]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")}
    said = subprocess.run(
        [sys.executable, "-m", "app.serving", "--port", str(free_port()), "--workers", "2"], cwd=ROOT, capture_output=True, text=True,
        timeout=120, env=environment | {"XINXIN_DATABASE_URL": database_url, "XINXIN_DATA_DIR": str(tmp_path)} | told, check=False,
    )
    assert said.returncode == 1, said.stderr[-2000:]
    assert {"no role": "scripts/manage migrate", "no secrets": "XINXIN_SECRET_KEYS is missing"}[refusal] in said.stderr


def without_roles(database_url: str) -> str:
    """A login that may not become the application's role."""
    async def make() -> None:
        owner = await asyncpg.connect(database_url)
        try:
            await owner.execute("drop role if exists xinxin_nobody")
            await owner.execute("create role xinxin_nobody login")
        finally:
            await owner.close()

    asyncio.run(make())
    return sa.make_url(database_url).set(username="xinxin_nobody").render_as_string(hide_password=False)
