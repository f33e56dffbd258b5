"""What photos take of a process's memory goes back to the system with them."""

import subprocess
import sys

import pytest

from tests.support.service import ROOT

MEGABYTES, PIECES = 4, 8
COMES_AND_GOES = f"""
import os
from app.process import give_back_what_is_large
{{first}}

def resident() -> int:
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def piece(megabytes: int) -> bytearray:
    return bytearray(b"x") * (megabytes << 20)

piece(2 * {MEGABYTES})
before, pieces = resident(), [piece({MEGABYTES}) for _ in range({PIECES})]
del pieces[:-1]
print(resident() - before)
"""


@pytest.mark.parametrize(("first", "kept"), [("give_back_what_is_large()", 1), ("", PIECES)], ids=["given back", "the known-bad variant"])
def test_what_is_free_is_given_back(first: str, kept: int) -> None:
    """From the first, largest piece the C library learns to take such from its heap, which does not shrink below the last that is used."""
    told = subprocess.run(
        [sys.executable, "-c", COMES_AND_GOES.format(first=first)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert round(int(told.stdout) / (MEGABYTES << 20)) == kept
