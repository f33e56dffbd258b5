"""A fast server for one test run, whose data is not worth keeping."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db.embedded import binaries, cluster, handshake
from app.db.embedded.account import choose
from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import Home, url

PATIENCE = 60.0  # seconds


@contextmanager
def throwaway(folder: Path, *, bin_dir: Path | None = None) -> Iterator[str]:
    """Runs a server in `folder` that survives no power cut, and yields the address of its database `postgres`.

    The server is a child of the calling thread and ends with it, kill -9 included; the folder is left for the caller to remove.
    As root the folder must be one that other accounts can pass through (mode 0711). Raises EmbeddedServerError.
    """
    home = Home(folder)
    home.make()
    account = choose(home.data)
    account.require_way_to(home.folder)
    programs = binaries.usable(binaries.find(bin_dir), account, home.binaries)
    socket_folder = home.make_socket_folder(account)
    server = cluster.start(home, programs, account, socket_folder, cluster.THROWAWAY)
    try:
        deadline = time.monotonic() + PATIENCE
        for pause in handshake.patience():
            if handshake.probe(socket_folder, "postgres") is handshake.State.READY:
                break
            if server.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedServerError(f"测试数据库没有启动,详见 {home.log} / the test database did not start, see {home.log}")
            time.sleep(pause)
        yield url(socket_folder, "postgres")
    finally:
        cluster.stop(server)
        shutil.rmtree(socket_folder, ignore_errors=True)
