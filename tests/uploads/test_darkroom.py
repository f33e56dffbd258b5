"""Photos are developed in a process of its own: what it holds is not the API's, and what breaks it is no more than a damaged file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import UnsupportedMediaType, ValidationFailed
from app.uploads import apart, darkroom, pictures
from app.uploads.apart import Developer
from app.uploads.developed import Picture
from tests.support.service import ROOT
from tests.uploads.photos import encoded, scene

LARGE = (7_000, 7_000)
MUCH = 64 * 1024 * 1024
GROWING = """
import asyncio, os, pathlib, sys
from app.uploads import darkroom, pictures
from tests.support.service import peak_memory
data = pathlib.Path(sys.argv[2]).read_bytes()
before = peak_memory(os.getpid())
asyncio.run(darkroom.developed(data)) if sys.argv[1] == "elsewhere" else pictures.clean(data)
print(peak_memory(os.getpid()) - before)
"""


def breaks(data: bytes) -> Picture:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still there")


def breaks_once(data: bytes) -> Picture:
    """The file is the path of a mark that says that it has."""
    mark = Path(data.decode())
    if not mark.exists():
        mark.touch()
        breaks(data)
    return pictures.clean(encoded(scene(), "JPEG"))


def grows(data: bytes) -> Picture:
    return pictures.clean(bytes(2 * apart.MEMORY_BYTES))


def tells_where(data: bytes) -> Picture:
    return Picture(str(os.getpid()).encode(), None, b"", 1, 1, None)


async def test_what_comes_back_is_what_would_have_been_made_here() -> None:
    data = encoded(scene(), "PNG")
    assert await darkroom.developed(data) == pictures.clean(data)


async def test_it_is_made_elsewhere_by_a_process_that_stays() -> None:
    first, second = await darkroom.developed(b"", tells_where), await darkroom.developed(b"", tells_where)
    assert first == second != Picture(str(os.getpid()).encode(), None, b"", 1, 1, None)


def grown(how: str, file: Path) -> int:
    """By how many bytes a fresh process grows that has a photo developed so."""
    told = subprocess.run(
        [sys.executable, "-c", GROWING, how, str(file)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return int(told.stdout)


def test_a_large_photo_costs_whoever_has_it_developed_little(tmp_path: Path) -> None:
    file = tmp_path / "large.png"
    file.write_bytes(encoded(scene(*LARGE), "PNG"))
    assert grown("elsewhere", file) < MUCH
    assert grown("here", file) > MUCH, "the known-bad variant"


async def test_a_refusal_arrives_as_it_was_said() -> None:
    for data in (b"%PDF-1.7", encoded(scene(), "JPEG")[:-1]):
        with pytest.raises((UnsupportedMediaType, ValidationFailed)) as here:
            pictures.clean(data)
        with pytest.raises(type(here.value)) as there:
            await darkroom.developed(data)
        assert there.value.problem("") == here.value.problem("")


@pytest.mark.parametrize("developer", [breaks, grows])
async def test_a_file_that_breaks_whoever_looks_at_it_is_a_damaged_one(developer: Developer) -> None:
    with pytest.raises(ValidationFailed):
        await darkroom.developed(b"", developer)
    assert (await darkroom.developed(encoded(scene(), "JPEG"))).width == 640


async def test_a_process_that_ended_for_another_reason_costs_nothing(tmp_path: Path) -> None:
    assert (await darkroom.developed(str(tmp_path / "mark").encode(), breaks_once)).width == 640
