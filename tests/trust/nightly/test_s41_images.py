"""S41 at a really started service: how long a bad file takes, and what it costs the processes that look at it."""

import subprocess
import sys
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.support.newcomer import API, Caller, visiting
from tests.support.service import ROOT, descendants, peak_memory, running_service
from tests.uploads.photos import SECRET
from tests.uploads.test_gate import odd, refused

MOST_SECONDS, MOST_GROWTH = 0.2, 64 * 1024 * 1024
# The same file without the gate, in a process of its own: its first frame is decoded before anybody asks how large it is.
UNGATED = """
import io, resource
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile
from tests.uploads.photos import webp_bomb
data = webp_bomb(10_000, 10_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
WebPImageFile(io.BytesIO(data)).load()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


async def sent(caller: Caller, data: bytes) -> tuple[int, float, str]:
    """The status, the seconds, and the new photo's address."""
    headers, began = caller.headers | {"Idempotency-Key": uuid4().hex}, time.monotonic()
    answer = await caller.http.post(f"{API}/uploads", files={"file": ("photo.jpg", data, "image/jpeg")}, headers=headers)
    return answer.status_code, time.monotonic() - began, answer.json().get("url", "")


def judge_growth(grown: int) -> None:
    assert grown <= MOST_GROWTH, f"{grown / 1024 / 1024:.0f} MB"


@pytest.mark.check("S41", tier="N")
async def test_a_bad_file_costs_little_and_a_good_one_tells_nothing(measured: Callable[..., None]) -> None:
    with running_service(workers=2) as service:
        async with visiting(service) as world:
            caller = await world.person()
            for data in odd().values():
                status, _, url = await sent(caller, data)
                assert status == 201
                shown = await caller.http.get(url.partition("/api/v1")[1] + url.partition("/api/v1")[2], headers=caller.headers)
                assert shown.status_code == 200 and SECRET not in shown.content
            looking = descendants(set(service.api_workers())) | set(service.api_workers())
            before, slowest = {pid: peak_memory(pid) for pid in looking}, (0.0, "")
            for name, data in refused().items():
                status, seconds, _ = await sent(caller, data)
                assert status in (413, 415, 422), f"{name}: {status}"
                slowest = max(slowest, (seconds, name))
            grown = max(peak_memory(pid) - before[pid] for pid in looking)
    measured("slowest refusal", [round(slowest[0] * 1000), slowest[1]], "ms")
    measured("a process grew by", round(grown / 1024 / 1024, 1), "MB")
    judge_growth(grown)
    assert slowest[0] <= MOST_SECONDS, slowest


@pytest.mark.variant("S41", tier="N")
def test_the_judge_refuses_a_file_that_was_decoded_first(measured: Callable[..., None]) -> None:
    ran = subprocess.run([sys.executable, "-c", UNGATED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    grown = int(ran.stdout) * 1024
    measured("without the gate it grew by", round(grown / 1024 / 1024, 1), "MB")
    with pytest.raises(AssertionError):
        judge_growth(grown)
