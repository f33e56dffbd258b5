"""Processes that share a log write whole lines."""

import json
import socket
import subprocess
import sys

import pytest

from tests.support.service import ROOT

SPEAKING = """
import logging
import sys
import structlog
from app import observability
observability.configure("api")
{fault}
observability.get_logger("tests").info("first.event", words="照片")
logging.getLogger("uvicorn").warning("second")
"""
PRINTED = "structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))"


def pieces(fault: str = "") -> list[bytes]:
    """What reaches the kernel at once: of a datagram socket each write is one message."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with near, far:
        subprocess.run([sys.executable, "-c", SPEAKING.format(fault=fault)], cwd=ROOT, stderr=far.fileno(), check=True, timeout=60)
        far.shutdown(socket.SHUT_WR)
        near.setblocking(False)
        found = []
        while True:
            try:
                found.append(near.recv(65_536))
            except BlockingIOError:
                return found


def test_a_line_and_its_end_are_written_at_once() -> None:
    assert [json.loads(piece)["event"] for piece in pieces()] == ["first.event", "second"]
    assert all(piece.endswith(b"\n") for piece in pieces())


def test_what_is_printed_comes_in_pieces() -> None:
    """The known-bad variant."""
    with pytest.raises(json.JSONDecodeError):
        [json.loads(piece) for piece in pieces(PRINTED)]
