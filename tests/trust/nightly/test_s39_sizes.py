"""S39: a gigabyte is refused while it is sent, declared or not, and costs a process at most 32 MB; so do heads, parameters and parts."""

import json

import httpx
import pytest

from app.middleware import limits
from app.middleware.protocol import DeadlineProtocol
from tests.faults.test_protocol import served
from tests.faults.test_sizes import HUGE, MEGABYTE, MOST_GROWTH, sent
from tests.support.newcomer import API, visiting
from tests.support.service import peak_memory, running_service

GIGABYTE = 1024 * MEGABYTE
PATHS = (("/auth/wechat", "application/json"), ("/reports", "application/json"), ("/uploads", "multipart/form-data; boundary=x"))


def judge(status: int, taken: int, limit: int) -> None:
    """Some more than the limit is on its way when the answer comes: socket buffers, and five seconds of lingering."""
    assert status == 413 and taken <= GIGABYTE // 2, (status, taken, limit)


@pytest.mark.check("S39", tier="N")
async def test_gigabytes_are_refused_while_they_come(measured) -> None:
    with running_service() as service:
        workers = service.api_workers()
        async with visiting(service) as world:
            caller = await world.person()
            before = {pid: peak_memory(pid) for pid in workers}
            most = 0
            for path, kind in PATHS:
                for chunked in (False, True):
                    headers = caller.headers | {"Content-Type": kind, "Idempotency-Key": f"giga-{path}-{chunked}"}
                    answer, taken = await sent(service, API + path, headers, size=GIGABYTE, chunked=chunked)
                    judge(answer.status, taken, json.loads(answer.body)["limit"])
                    most = max(most, taken)
            await parameters_and_parts(caller)
            assert (await caller.send("GET", "/members/me")).status_code == 200
        assert service.api_workers() == workers
        grown = max(peak_memory(pid) - before[pid] for pid in workers)
        measured("memory of a process grew by", round(grown / MEGABYTE, 1), "MB")
        measured("most taken of 1 GB", round(most / MEGABYTE, 1), "MB")
        assert grown <= MOST_GROWTH, grown


async def parameters_and_parts(caller) -> None:
    """A thousand parameters, ten thousand parts, a long address, a long head: each refused in words of ours, none with 5xx."""
    many = await caller.send("GET", "/rewards?" + "&".join(f"p{number}=1" for number in range(1_000)))
    assert many.status_code in (200, 422), many.text
    parts = {f"field{number}": (None, "x") for number in range(10_000)}
    for _ in range(2):
        told = await caller.http.post(f"{API}/uploads", files=parts, headers=caller.headers | {"Idempotency-Key": "ten-thousand-parts"})
        assert told.status_code in (400, 413, 422), told.status_code
        assert told.headers["content-type"] == "application/problem+json"
    address: httpx.Response = await caller.http.get("/" + "a" * 65_000)
    head: httpx.Response = await caller.http.get("/health/live", headers={"X-Long": "a" * 17_000})
    assert (address.status_code, head.status_code) == (431, 431)


@pytest.mark.variant("S39", tier="N")
async def test_the_judge_refuses_a_service_without_a_limit(settings, committed, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BODY_BYTES", "UPLOAD_BYTES"):
        monkeypatch.setattr(limits, name, 2 * GIGABYTE)
    async for serving in served(DeadlineProtocol, settings, committed):
        answer, taken = await sent(serving, API + "/auth/wechat", {"Content-Type": "application/json"}, size=HUGE, chunked=False)  # type: ignore[arg-type]
        assert taken >= HUGE
        with pytest.raises(AssertionError):
            judge(answer.status, taken, MEGABYTE)
