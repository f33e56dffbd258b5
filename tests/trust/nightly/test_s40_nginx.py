"""The production nginx.conf before the service: what passes it, what it refuses and in which words, whose address is counted."""

import asyncio
import json
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.support.newcomer import API, visiting
from tests.support.service import Service, free_port
from tests.trust.rig import nginx
from tests.trust.rig.nginx import Nginx
from tests.trust.rig.slow import Where, until_cut

pytestmark = pytest.mark.check("S40", tier="N")
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
async def behind() -> AsyncIterator[Service]:
    """It believes the proxy on its own machine."""
    service = Service(workers=1, trusted_proxies="127.0.0.1", metrics_token="figures")
    try:
        await asyncio.to_thread(service.start)
        yield service
        assert await asyncio.to_thread(service.stop) == 0
    finally:
        service.remove()


@pytest.fixture(scope="module")
async def proxy(behind: Service) -> AsyncIterator[Nginx]:
    with nginx.before([behind.port, free_port()]) as running:  # the second replica is down: nobody may notice
        yield running


@pytest.fixture
async def http(proxy: Nginx) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.context, timeout=30) as http:
        yield http


def is_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, PROBLEM), answer.text[:300]
    told = json.loads(answer.content)
    assert (told["code"], told["status"], told["request_id"]) == (code, status, answer.headers["x-request-id"])


async def test_ids_pass_and_stay_one(http: httpx.AsyncClient) -> None:
    given = await http.get("/health/live", headers={"X-Request-ID": "given-by-a-client"})
    drawn = await http.get("/health/live")
    assert given.headers.get_list("x-request-id") == ["given-by-a-client"] and len(drawn.headers.get_list("x-request-id")) == 1
    assert given.headers["strict-transport-security"]


async def test_refusals_are_documents_of_ours(http: httpx.AsyncClient) -> None:
    """Those of the service pass; those of nginx itself look alike."""
    json_type = {"Content-Type": "application/json"}
    is_problem(await http.get("/nowhere"), 404, "not_found")
    is_problem(await http.post(f"{API}/auth/refresh", content=b"x" * 2_000_000, headers=json_type), 413, "payload_too_large")
    is_problem(await http.post(f"{API}/auth/refresh", content=b"x" * 13_000_000, headers=json_type), 413, "payload_too_large")
    many = {f"X-{number}": "a" * 900 for number in range(30)}
    for headers, path in (({"X-Long": "a" * 17_000}, "/health/live"), ({}, "/" + "a" * 65_000), (many, "/")):
        is_problem(await http.get(path, headers=headers), 431, "header_too_large")


async def test_nobody_reads_the_figures_without_their_token_and_no_stranger_at_all(http: httpx.AsyncClient, proxy: Nginx) -> None:
    assert (await http.get("/metrics")).status_code == 401
    assert (await http.get("/metrics", headers={"Authorization": "Bearer figures"})).status_code == 200
    assert "deny all;" in (proxy.folder / "nginx.conf").read_text()


async def test_the_trail_knows_the_client_and_not_what_it_says_of_itself(behind: Service, proxy: Nginx) -> None:
    """The client's own X-Forwarded-For ends at the proxy; what the proxy says arrives."""
    async with visiting(behind) as world, httpx.AsyncClient(base_url=proxy.url, verify=proxy.context) as http:
        caller = await world.person()
        spoofed = {"X-Forwarded-For": "203.0.113.66", "Forwarded": "for=203.0.113.66"}
        answer = await http.post(f"{API}/auth/logout", headers=caller.headers | spoofed)
        assert answer.status_code == 204, answer.text
    database = await asyncpg.connect(behind.database_url)
    try:
        seen = await database.fetch("select distinct address::text from audit_event where address is not null")
    finally:
        await database.close()
    assert {row["address"].partition("/")[0] for row in seen} == {"127.0.0.1"}


async def test_a_picture_and_its_person_pass(behind: Service, proxy: Nginx) -> None:
    async with visiting(behind) as world:
        caller = await world.person()
        async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.context, timeout=30) as http:
            caller.http = http
            assert await caller.photo()


async def test_no_address_in_the_log(http: httpx.AsyncClient, proxy: Nginx) -> None:
    await http.get("/health/live?phone=13812345678", headers={"X-Request-ID": "logged-once-1"})
    line = next(line for line in proxy.log.splitlines() if "logged-once-1" in line)
    assert json.loads(line)["path"] == "/health/live" and "127.0.0.1:" not in line.replace(json.loads(line)["upstream"], "")
    assert "13812345678" not in proxy.log


async def test_slow_heads_and_bodies_are_cut(proxy: Nginx, measured) -> None:
    where = Where(proxy.port, proxy.authority)
    head, body = await asyncio.gather(until_cut(where, "head", 20), until_cut(where, "body", 70))
    measured("nginx: head cut after", head, "s")
    measured("nginx: body cut after", body, "s")
    assert head is not None and head <= 15 and body is not None and body <= 62
