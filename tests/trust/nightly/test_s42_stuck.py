"""S42: dependencies that are stuck: a full pool, a database that says nothing, clients that leave. Refusals are 503, liveness stays."""

import asyncio
import os
import signal
import statistics
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest

from app.serving import SILENT_SECONDS
from tests.support.newcomer import API, county_of
from tests.support.service import Service, running_service
from tests.support.volley import shot
from tests.trust.rig.proxy import GOOD, Fault, Proxy
from tests.trust.rig.replicas import Replica

SLOW, LEAVING = 40, 30
HOLE_SECONDS = 60.0
ASK_EVERY = 0.05
WITHOUT_A_TURN = 8.0
LAG_GOAL = 0.1
THE_API = "select count(*) from pg_stat_activity where application_name = 'xinxin-api' and state = 'active'"


@dataclass
class Watch:
    """What somebody sees who asks a process all the time whether it lives: the delays are its event loop's."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def lag(self) -> float:
        """The 99th of a hundred: the greatest is the machine's own, which runs ourselves too."""
        return statistics.quantiles(self.seconds, n=100)[-1] if len(self.seconds) > 1 else 0.0


@asynccontextmanager
async def alive(url: str):
    watch, done = Watch(), asyncio.Event()

    async def go() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=10) as http:
            while not done.is_set():
                started = time.monotonic()
                watch.statuses[(await http.get("/health/live")).status_code] += 1
                watch.seconds.append(time.monotonic() - started)
                await asyncio.sleep(ASK_EVERY)

    going = asyncio.create_task(go())
    try:
        yield watch
    finally:
        done.set()
        await going


@asynccontextmanager
async def locked(service: Service, table: str):
    """Nobody reads or writes that table while the block lasts."""
    holder = await asyncpg.connect(service.database_url)
    try:
        await holder.execute("begin")
        await holder.execute(f"lock table {table} in access exclusive mode")
        yield
    finally:
        await holder.execute("rollback")
        await holder.close()


def judge(statuses: Counter[int], *, retry_after: bool) -> None:
    assert set(statuses) <= {200, 201, 503} and statuses[503] > 0 and retry_after, statuses


async def normal_again(url: str, path: str, headers: dict[str, str], seconds: float) -> float:
    """The seconds until three requests in a row succeed."""
    started, good = time.monotonic(), 0
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        while good < 3:
            assert time.monotonic() - started < seconds, "not normal again"
            good = good + 1 if (await http.get(path, headers=headers)).status_code == 200 else 0
            await asyncio.sleep(0.05)
    return time.monotonic() - started


@pytest.mark.check("S42", tier="N")
async def test_a_full_pool_and_clients_that_leave(measured) -> None:
    with running_service(workers=1) as service:
        async with county_of(service) as world:
            rider = await world.rider(points=200)
            async with alive(service.url) as watch:
                async with locked(service, "reward"), httpx.AsyncClient(base_url=service.url, timeout=20) as http:
                    asked = [asyncio.create_task(http.get(f"{API}/rewards", headers=rider.headers)) for _ in range(SLOW)]
                    told = await asyncio.gather(*asked)
                statuses = Counter(answer.status_code for answer in told)
                busy = [answer for answer in told if answer.status_code == 503]
                measured("asked while a table was locked", dict(statuses))
                judge(statuses, retry_after=all("retry-after" in answer.headers for answer in busy))
                again = await normal_again(service.url, f"{API}/rewards", rider.headers, 5)
                measured("normal after a full pool", round(again, 2), "s")
                ghosts = await leaving(service, rider)
                measured("abandoned statements ended after", round(ghosts, 2), "s")
            assert set(watch.statuses) == {200}
            measured("loop lag, 99 of 100", round(watch.lag * 1000), "ms")
            assert watch.lag <= LAG_GOAL


async def leaving(service: Service, rider) -> float:
    """Thirty ask for something that is locked, and hang up. How long the database goes on working for nobody."""
    looking = await asyncpg.connect(service.database_url)  # not the holder: a transaction sees one picture of all activity
    async with locked(service, "reward"):
        lines = []
        for _ in range(LEAVING):
            _, writer = await asyncio.open_connection("127.0.0.1", service.port)
            writer.write(shot(rider, "/rewards", None, method="GET").whole)
            lines.append(writer)
        async with asyncio.timeout(30):
            while await looking.fetchval(THE_API) == 0:  # noqa: ASYNC110 - asks the database
                await asyncio.sleep(0.02)
        for writer in lines:
            writer.transport.abort()
        left = time.monotonic()
        async with asyncio.timeout(30):
            while await looking.fetchval(THE_API) > 0:  # noqa: ASYNC110 - asks the database
                await asyncio.sleep(0.05)
        ended = time.monotonic() - left
    await looking.close()
    assert ended <= 6.0
    assert await normal_again(service.url, f"{API}/rewards", rider.headers, 5) <= 5
    return ended


async def black_hole(replica: Replica, link: Proxy, headers: dict[str, str], measured) -> None:
    async with alive(replica.url) as watch, httpx.AsyncClient(base_url=replica.url, timeout=30) as http:
        link.fault = Fault(swallow=True)
        began, statuses, slowest, patient = time.monotonic(), Counter(), 0.0, True

        async def ask() -> None:
            nonlocal slowest, patient
            started = time.monotonic()
            answer = await http.get(f"{API}/rewards", headers=headers)
            statuses[answer.status_code] += 1
            slowest = max(slowest, time.monotonic() - started)
            patient = patient and "retry-after" in answer.headers

        ready = await http.get("/health/ready")
        not_ready_after = time.monotonic() - began
        asked = []
        while time.monotonic() - began < HOLE_SECONDS:
            asked.append(asyncio.create_task(ask()))
            await asyncio.sleep(0.1)
        await asyncio.gather(*asked)
        link.fault = GOOD
        again = await normal_again(replica.url, f"{API}/rewards", headers, 20)
    measured("not ready after", round(not_ready_after, 2), "s")
    measured(f"asked for {HOLE_SECONDS:.0f} s", dict(statuses))
    measured("slowest refusal", round(slowest, 1), "s")
    measured("normal after silence", round(again, 2), "s")
    measured("loop lag in silence, 99 of 100", round(watch.lag * 1000), "ms")
    assert ready.status_code == 503 and not_ready_after <= 5.0
    judge(statuses, retry_after=patient)
    assert statuses[200] == 0 and slowest <= 12.0 and again <= 5.0
    assert set(watch.statuses) == {200} and watch.lag <= LAG_GOAL


@pytest.mark.check("S42", tier="N")
async def test_a_database_that_says_nothing(measured) -> None:
    with running_service(workers=1) as first, link_to(first) as link:
        async with county_of(first) as world:
            rider = await world.rider()
            replica = Replica(first, database_url=far_address(first, link))
            try:
                await asyncio.to_thread(replica.start)
                await black_hole(replica, link, rider.headers, measured)
                link.fault = Fault(swallow=True)
                started = time.monotonic()
                code = await asyncio.to_thread(replica.stop)
                measured("stopped in silence after", round(time.monotonic() - started, 1), "s")
                assert code == 0 and time.monotonic() - started <= 12.0
            finally:
                link.fault = GOOD
                await asyncio.to_thread(replica.remove)


async def without_a_turn(service: Service, seconds: float) -> tuple[Counter[str], bool]:
    """What those heard who asked while the processes of the API got no processor for so long; are these processes still there?"""
    workers, heard = service.api_workers(), Counter[str]()

    async def ask(http: httpx.AsyncClient) -> None:
        try:
            heard[str((await http.get("/health/live")).status_code)] += 1
        except httpx.HTTPError as error:
            heard[type(error).__name__] += 1

    async with httpx.AsyncClient(base_url=service.url, timeout=60, limits=httpx.Limits(max_keepalive_connections=SLOW)) as http:
        await asyncio.gather(*(ask(http) for _ in range(SLOW)))  # connections that they hold; others would wait in the kernel for anybody
        heard.clear()
        async with asyncio.TaskGroup() as group:
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            for _ in range(SLOW):
                group.create_task(ask(http))
            await asyncio.sleep(seconds)
            for pid in set(workers) & set(service.api_workers()):
                os.kill(pid, signal.SIGCONT)
    return heard, service.api_workers() == workers


@pytest.mark.check("S42", tier="N")
async def test_processes_that_a_busy_machine_gives_no_turn_answer_late(measured) -> None:
    with running_service() as service:
        heard, same = await without_a_turn(service, WITHOUT_A_TURN)
    measured(f"heard after {WITHOUT_A_TURN:.0f} s without a turn", dict(heard))
    assert heard == {"200": SLOW} and same


@pytest.mark.variant("S42", tier="N")
async def test_whoever_waits_for_a_killed_process_is_cut_off() -> None:
    """What the parent does to a process that it gives up."""
    with running_service() as service:
        heard, same = await without_a_turn(service, 2 * SILENT_SECONDS + 4)
    assert set(heard) - {"200"} and not same


def link_to(service: Service) -> Proxy:
    return Proxy(service.database_url.partition("host=")[2].partition("&")[0] + "/.s.PGSQL.5432")


def far_address(service: Service, link: Proxy) -> str:
    head = service.database_url.partition("?")[0]
    scheme, _, rest = head.partition("://")
    who, _, path = rest.rpartition("@")
    return f"{scheme}://{who}@127.0.0.1:{link.port}/{path.rpartition('/')[2]}"


@pytest.mark.variant("S42", tier="N")
def test_the_judge_refuses_500_and_impatience() -> None:
    for statuses, retry in ((Counter({200: 10, 500: 30}), True), (Counter({200: 10, 503: 30}), False), (Counter({200: 40}), True)):
        with pytest.raises(AssertionError):
            judge(statuses, retry_after=retry)
