"""An API that is killed lets go of its port, whatever its workers were doing; what dies again and again is given time, then given up."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.process import CRASHES, PREPARING, Child, preparing

WORKERS = 2


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def waits_for_its_turn(pid: int) -> bool:
    """It has asked for the lock that whoever prepares the folder holds."""
    try:
        return any(os.readlink(link).endswith(PREPARING) for link in Path(f"/proc/{pid}/fd").iterdir())
    except FileNotFoundError:
        return False


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def api(port: int, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Two workers that never get to serve: the folder is being prepared, so they wait."""
    with preparing(tmp_path), (tmp_path / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.serving", "--port", str(port), "--workers", str(WORKERS)], stderr=errors, stdout=subprocess.DEVNULL,
            env={**os.environ, "XINXIN_PARENT_PID": str(os.getpid()), "XINXIN_DATA_DIR": str(tmp_path)},
        )
        yield process
        process.kill()
        process.wait()


def test_workers_that_do_not_serve_yet_end_with_a_killed_api(api: "subprocess.Popen[bytes]", port: int, tmp_path: Path) -> None:
    """A SIGTERM they would only take note of."""
    until(lambda: sum(waits_for_its_turn(child) for child in children(api.pid)) == WORKERS)
    left = children(api.pid)
    api.send_signal(signal.SIGKILL)
    api.wait()
    until(lambda: not any(Path(f"/proc/{child}/maps").exists() for child in left))
    assert "is gone" not in (tmp_path / "errors").read_text()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_what_dies_again_and_again_is_given_time_and_then_given_up() -> None:
    child = Child("bad", "this_module_is_not_there", [], {**os.environ})
    child.start()
    with pytest.raises(SystemExit, match="does not stay up"):
        until(lambda: child.mend() is not None)
    assert len(child.starts) == CRASHES
    waits = [later - sooner for sooner, later in zip(child.starts, child.starts[1:], strict=False)]
    assert waits[1] >= 0.5 and waits[2] >= 1.0 and waits[3] >= 2.0, waits
