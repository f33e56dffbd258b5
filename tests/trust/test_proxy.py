"""The fault proxy does to a link what it says, and nothing when it is told nothing."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.trust.rig.proxy import Fault, Proxy

WORD = b"0123456789" * 20


def _echo(listening: socket.socket) -> None:
    while True:
        try:
            peer, _ = listening.accept()
        except OSError:
            return
        with peer, contextlib.suppress(ConnectionError):
            while told := peer.recv(4096):
                peer.sendall(told)


@pytest.fixture(scope="module")
def link() -> Iterator[Proxy]:
    """To somebody who says everything again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_echo, args=(listening,), daemon=True).start()
        with Proxy(f"127.0.0.1:{listening.getsockname()[1]}") as proxy:
            yield proxy
        listening.shutdown(socket.SHUT_RDWR)


def heard(link: Proxy, *, patience: float = 5.0) -> tuple[bytes, str, float]:
    """What comes back of WORD, how it ended (whole, closed, reset, silence), and the seconds it took."""
    began, told = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", link.port), timeout=patience) as line:
        try:
            line.sendall(WORD)
            while len(told) < len(WORD):
                if not (some := line.recv(4096)):
                    return told, "closed", time.monotonic() - began
                told += some
        except ConnectionResetError:
            return told, "reset", time.monotonic() - began
        except TimeoutError:
            return told, "silence", time.monotonic() - began
    return told, "whole", time.monotonic() - began


def test_each_fault_is_what_it_says(link: Proxy) -> None:
    assert heard(link)[:2] == (WORD, "whole")
    for fault, least in ((Fault(latency=0.05), 0.1), (Fault(bandwidth=2_000, way="down"), 0.1), (Fault(bandwidth=4_000, piece=20), 0.05)):
        link.fault = fault
        told, end, seconds = heard(link)
        assert (told, end) == (WORD, "whole") and seconds >= least * 0.9, fault
    link.fault = Fault(cut_after=50, way="down")
    assert heard(link)[0] == WORD[:50]
    link.fault = Fault(cut_after=0, reset=True)
    assert heard(link)[:2] == (b"", "reset")
    up = link.counted["up"]
    link.fault = Fault(lose_answer=True)
    assert heard(link)[0] == b"" and link.counted["up"] == up + len(WORD), "the server has it, the client never hears"
    link.fault = Fault(replaced=(b"345", b"abc"))
    assert heard(link)[0] == WORD.replace(b"345", b"abc")
    assert link.counted["cut"] == 3


def test_silence_ends_and_what_was_refused_is_taken_again(link: Proxy) -> None:
    link.fault = Fault(swallow=True)
    with socket.create_connection(("127.0.0.1", link.port), timeout=0.1) as line:
        line.sendall(WORD)
        with pytest.raises(TimeoutError):
            line.recv(1)
        link.fault = Fault()
        line.settimeout(5)
        assert line.recv(4096) == WORD
        link.cut_all()
        with pytest.raises(ConnectionResetError):
            line.recv(1)
    link.fault = Fault(refuse=True)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", link.port), timeout=1)
    link.fault = Fault()
    assert heard(link)[1] == "whole"
