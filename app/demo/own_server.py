"""A fresh server for one telling of the story: own port, own data folder, removed at the end."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.demo.telling import Different

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS, STOP_SECONDS, REMOVE_SECONDS = 90.0, 30.0, 10.0
LOOK_SECONDS = 0.1
TAIL = 3_000
AES_KEY_LENGTH = 43


@contextmanager
def running() -> Iterator[tuple[str, Path]]:
    """The server's address and its data folder. Raises Different when it does not come up."""
    folder = Path(tempfile.mkdtemp(prefix="xinxin-demo-"))
    folder.chmod(0o711)  # the embedded database's own account must pass
    try:
        with serving(folder, **_pushes()) as url:
            yield url, folder
    finally:
        _remove(folder)


def _pushes() -> dict[str, str]:
    """WeChat pushes to this server, sealed, as it does to a real one."""
    return {"XINXIN_WECHAT_PUSH_TOKEN": secrets.token_hex(8), "XINXIN_WECHAT_PUSH_AES_KEY": secrets.token_hex(22)[:AES_KEY_LENGTH]}


@contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[str]:
    """The service on a data folder that the caller keeps; its address. `settings` as in the environment. Raises Different."""
    log, port = folder / "server.log", free_port()
    with log.open("wb") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "app.server", "--port", str(port), *options], cwd=ROOT, env=environment(folder, port) | settings,
            stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
        )
    try:
        yield _ready(server, log)
    finally:
        _stop(server)


def environment(folder: Path, port: int) -> dict[str, str]:
    """Nothing that the caller has set for another server of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XINXIN_")}
    return kept | {"XINXIN_DATA_DIR": str(folder), "XINXIN_DEMO": "1", "XINXIN_PUBLIC_BASE_URL": f"http://127.0.0.1:{port}"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _ready(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("ready http://"):
                return line.removeprefix("ready ").strip()
        if server.poll() is not None:
            break
        time.sleep(LOOK_SECONDS)
    raise Different(f"服务没有启动成功，日志末尾：\n{log.read_text(errors='replace')[-TAIL:]}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _remove(folder: Path) -> None:
    """The database's supervisor may write a last line while it ends."""
    deadline = time.monotonic() + REMOVE_SECONDS
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(LOOK_SECONDS)
