"""S40: two hundred clients each that send a head, send a body and take an answer a byte at a time, beside fifty good requests a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.main import create_app
from tests.support.service import running_service
from tests.trust.rig import nginx
from tests.trust.rig.slow import Load, Where, crowd, steady

EACH, RATE, BASE_SECONDS, SECONDS = 200, 50, 12.0, 75.0
CUT_WITHIN = {"head": 15.0, "body": 62.0, "read": 62.0}
NOISE_SECONDS = 0.025  # below this, twice the base is the machine's noise


@dataclass
class Seen:
    base: Load
    beside: Load
    cut: dict[str, list[float | None]]


async def live(http: httpx.AsyncClient, number: int) -> httpx.Response:
    return await http.get("/api/v1/members/consent-texts" if number % 2 else "/health/live")


async def besieged(where: Where, *, each: int = EACH, seconds: float = SECONDS, base: float = BASE_SECONDS) -> Seen:
    await warmed(where)
    quiet = await steady(where, live, rate=RATE, seconds=base)
    cut, beside = await asyncio.gather(crowd(where, list(CUT_WITHIN), each, seconds), steady(where, live, rate=RATE, seconds=seconds))
    return Seen(quiet, beside, cut)


async def warmed(where: Where) -> None:
    """Each process has made the large answer once: it takes seconds, and production has none."""
    for _ in range(16):
        async with httpx.AsyncClient(base_url=where.url, verify=where.context or True, timeout=30) as http:
            assert (await http.get("/openapi.json")).status_code == 200


def judge(seen: Seen) -> None:
    for kind, ends in seen.cut.items():
        late = [end for end in ends if end is None or end > CUT_WITHIN[kind]]
        assert not late, f"{kind}: {len(late)} of {len(ends)} were not cut in time"
    assert seen.beside.failed == 0, seen.beside.statuses
    assert seen.beside.p95 <= max(2 * seen.base.p95, NOISE_SECONDS), (seen.base.p95, seen.beside.p95)


@pytest.mark.check("S40", tier="N")
@pytest.mark.parametrize("before", ["bare", "nginx"])
async def test_slow_clients_are_cut_and_hinder_nobody(before: str, measured) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(running_service())
        where = Where(service.port)
        if before == "nginx":
            proxy = stack.enter_context(nginx.before([service.port]))
            where = Where(proxy.port, proxy.authority)
        seen = await besieged(where)
        for kind, ends in seen.cut.items():
            measured(f"{before}: {kind} cut, slowest of {len(ends)}", max((end or 999.0) for end in ends), "s")
        measured(f"{before}: p95 of the base", round(seen.base.p95 * 1000, 1), "ms")
        measured(f"{before}: p95 beside them", round(seen.beside.p95 * 1000, 1), "ms")
        measured(f"{before}: failed of {len(seen.beside.seconds)}", seen.beside.failed)
        judge(seen)


@pytest.fixture(params=[None, 60], ids=["plain", "limit-concurrency"])
async def plain(request: pytest.FixtureRequest, settings, committed) -> AsyncIterator[Where]:
    """uvicorn as it comes, and with the limit that it offers."""
    app = create_app(settings)
    app.state.database = committed
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=HttpToolsProtocol, lifespan="off", log_config=None, access_log=False, ws="none",
        limit_concurrency=request.param,
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield Where(server.servers[0].sockets[0].getsockname()[1])
    server.should_exit = server.force_exit = True
    await running


@pytest.mark.variant("S40", tier="N")
async def test_the_judge_refuses_plain_uvicorn(plain: Where) -> None:
    seen = await besieged(plain, each=30, seconds=17.0, base=3.0)
    with pytest.raises(AssertionError):
        judge(seen)
    assert seen.beside.failed > 0 or None in seen.cut["head"]
