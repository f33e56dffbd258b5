"""The load generator, what processes cost, and what becomes of the figures."""

import asyncio
import os
import random
import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app.bench import driver, measured, processes, stock
from app.bench.load import Load, Refused, Request
from app.bench.ratios import Plan
from app.bench.sites import rolled_up
from app.bench.totals import Result, Totals
from app.db.session import Database
from app.settings import Settings
from tests.bench.test_bench import _server

FIRST, SECOND = b'{"access_token": "x", "refresh_token": "aaaa"}', b'{"access_token": "x", "refresh_token": "bbbb"}'


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def test_each_request_is_sent_once_and_timed() -> None:
    async with _server(answer(b"{}")) as url:
        sent = [Request(b"GET / HTTP/1.1\r\n\r\n", 200)] * 9
        found = await asyncio.to_thread(driver.drive, driver.Task(url, sent, 3, 60.0))
    assert len(found.times) == 9 and found.rate > 0 and min(found.times) > 0


async def test_a_wrong_answer_ends_it() -> None:
    async with _server(answer(b"slow", "429 Too Many")) as url:
        with pytest.raises(Refused, match="429 slow"):
            await asyncio.to_thread(driver.drive, driver.Task(url, [Request(b"GET / HTTP/1.1\r\n\r\n", 200)], 1, 1.0))


def test_a_chain_goes_on_with_the_token_of_the_answer() -> None:
    sent = Request(b"POST / HTTP/1.1\r\nContent-Length: 46\r\n\r\n" + FIRST, 200)
    following = driver.followed(sent, answer(SECOND))
    assert following.wire == sent.wire.replace(b"aaaa", b"bbbb")


def test_cpu_and_memory_of_this_process() -> None:
    before = processes.seconds([os.getpid()])
    while processes.seconds([os.getpid()]) == before:
        sum(range(10_000))
    mine = processes.memory(os.getpid())
    assert 0 < mine.pss <= mine.rss < 4_096
    assert processes.seconds([2**22 + 1]) == 0.0  # of a process that is gone


def test_each_worker_is_counted_once_though_all_have_one_command() -> None:
    command = [sys.executable, "-m", "tests.support.family"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        family = {int(parent.stdout.readline()) for _ in range(3)}
        assert processes.workers("tests.support.family") == sorted(family - {parent.pid})


def result(peer: str, rate: float, connections: int = 32, p99: float = 8.0) -> Result:
    return Result("GET /members/me", peer, connections, rate, 2.0, p99, 1.0, 0.5, 10)


def test_ratios_are_of_medians_and_stand_beside_their_goals() -> None:
    [me] = [one for one in measured.OPERATIONS if one.slug == "me"]
    rates = {"service": (60.0, 700.0, 65.0), "bare": (100.0, 90.0, 110.0), "pgbench": (200.0, 1.0, 300.0)}
    results = [result(peer, rate) for peer, several in rates.items() for rate in several]
    totals = Totals([me], results, {"service": [processes.Memory(171.0, 151.0)]}, {})
    [ratio] = totals.ratios
    assert (ratio.bare, ratio.pgbench, ratio.met) == (0.65, 0.325, True)
    told = "\n".join(totals.told())
    assert "≥ 0.60 met" in told and "≤ 150 MB missed" in told
    shared = {"service": [processes.Memory(171.0, 149.0)]}
    missed = replace(
        totals, results=[result("service", 59.0, p99=11.0), result("bare", 100.0)], reasons={me.name: "why"}, memory=shared
    )
    told = "\n".join(missed.told())
    assert "≥ 0.60 missed" in told and "p99 ≤ 5 × p50 missed" in told and "by pgbench: why" in told and "≤ 150 MB met" in told
    assert [line["kind"] for line in missed.figures()] == ["result", "result", "ratio", "memory"]


def test_cpu_is_told_for_one_request() -> None:
    found = Result.of("x", "service", 8, Load([1.0, 2.0, 3.0, 4.0], 2.0), cpu=0.02, database=0.008)
    assert (found.rate, found.cpu_ms, found.database_ms) == (2.0, 5.0, 2.0)


def test_there_are_enough_things_for_all_measurements() -> None:
    plan = Plan(connections=(8, 32), repetitions=3, items=400, few=48)
    by_slug = {one.slug: one for one in measured.OPERATIONS}
    assert plan.share(by_slug["order"], 32, 1) == 32 + 384  # as many for each line, and one to warm it up
    assert plan.share(by_slug["order"], 32, 0) == 128 + 384  # and at first enough for the server to have its plans
    assert plan.needed(by_slug["order"]) == 2 * (8 + 400 + 32 + 384) + (128 + 400 + 128 + 384)
    assert plan.needed(by_slug["upload"]) == 3 * (8 + 48 + 32 + 32)
    assert plan.needed(by_slug["refresh"]) == 3 * (8 + 32) and plan.needed(by_slug["me"]) == measured.VARIANTS


async def test_what_nobody_has_counted_is_counted_before_it_is_measured(committed: Database, settings: Settings) -> None:
    marked = "insert into report_stale (report_id) values (gen_random_uuid()), (gen_random_uuid())"
    async with committed.transaction() as session:
        await session.exec(sa.text(marked))
    await rolled_up(str(settings.database_url))
    async with committed.reader() as reader:
        assert (await reader.exec(sa.text("select count(*) from report_stale"))).scalar_one() == 0


def test_a_huge_photo_has_two_megabytes_and_small_ones_differ() -> None:
    chance = random.Random(1)
    assert stock.small_photo(chance) != stock.small_photo(chance)
    assert abs(len(stock.huge_photo()) - stock.HUGE_BYTES) < 0.1 * stock.HUGE_BYTES
