"""One cluster of databases: made once, started and stopped as a child of this process."""

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from app.db.embedded.account import Account
from app.db.embedded.binaries import Binaries
from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import SOCKET_FILE, Home, held

PR_SET_PDEATHSIG = 1
OLD_SERVER_PATIENCE = 60.0  # seconds for a server whose supervisor was killed to finish its shutdown
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", "HOME": "/"}
ALWAYS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_error_verbosity": "terse",  # DETAIL would put the values of unique keys, personal data among them, into the log
    "log_checkpoints": "off",
    # A transaction that waits for a lock for longer than a second says so, without words of the statement. Wanted of any server: such a
    # wait is the first that is seen of a hot row, and the races of tests/races allow none.
    "log_lock_waits": "on",
    "deadlock_timeout": "1s",
}
DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
}
THROWAWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

_libc = ctypes.CDLL(None)


def start(home: Home, binaries: Binaries, account: Account, socket_folder: Path, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Starts the server, after making its data when there is none. It is ready when the handshake says so.

    The server ends with the thread that called this. Its processes keep `server.lock` until the last of them has ended, so whoever
    gets that lock knows that none is left, whatever postmaster.pid says about process ids that were given to others since.
    Raises EmbeddedServerError.
    """
    with held(home.server_lock, patience=OLD_SERVER_PATIENCE) as lock, open(home.open_log(), "ab") as log:
        if not home.data.exists():
            _initialise(home, binaries, account, lock, sync=settings["fsync"] == "on")
        _take_over(home, binaries, account)
        _forget_last_run(home, socket_folder)
        chosen = ALWAYS | dict(settings) | {"unix_socket_directories": str(socket_folder)}
        arguments = [argument for name, value in chosen.items() for argument in ("-c", f"{name}={value}")]
        return subprocess.Popen(
            [binaries["postgres"], "-D", home.data, *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=ENVIRONMENT, pass_fds=(lock,),
            preexec_fn=_end_with_parent(signal.SIGINT),  # noqa: PLW1509 - only calls into the kernel, takes no lock
            **account.identity,
        )


def stop(server: "subprocess.Popen[bytes]") -> None:
    """Fast shutdown: open transactions are rolled back, everything is written. Rougher ways follow if it does not end in time."""
    for order, patience in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        server.send_signal(order)
        try:
            server.wait(patience)
            return
        except subprocess.TimeoutExpired:
            continue


def _end_with_parent(order: signal.Signals) -> Callable[[], None]:
    """A step for the child, after it has changed its user (that clears the setting): `order` reaches it when its parent ends."""
    parent = os.getpid()

    def bind() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, order.value, 0, 0, 0)
        if os.getppid() != parent:  # The parent was gone before the setting could notice.
            os._exit(1)

    return bind


def _initialise(home: Home, binaries: Binaries, account: Account, lock: int, *, sync: bool) -> None:
    """Builds the cluster beside its place and renames it, so that a killed initdb leaves no half cluster."""
    shutil.rmtree(home.draft, ignore_errors=True)
    home.draft.mkdir(mode=0o700)
    account.give(home.draft)
    provider = ["--locale-provider=builtin"] if binaries.major >= 17 else []
    made = subprocess.run(
        [
            binaries["initdb"], "-D", home.draft, "--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8",
            *provider, "--locale=C.UTF-8", "--data-checksums", "--no-instructions", *([] if sync else ["--no-sync"]),
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd="/", env=ENVIRONMENT,
        pass_fds=(lock,),
        preexec_fn=_end_with_parent(signal.SIGKILL),
        **account.identity,
    )
    if made.returncode:
        raise EmbeddedServerError(f"无法初始化数据库 / initdb failed: {made.stdout.strip()[-2000:]}")
    home.draft.rename(home.data)
    folder = os.open(home.folder, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _take_over(home: Home, binaries: Binaries, account: Account) -> None:
    """Refuses data of another major version; gives data that root put there (a restored copy) to the account."""
    found = (home.data / "PG_VERSION").read_text().strip()
    if found != str(binaries.major):
        raise EmbeddedServerError(
            f"{home.data} 是 PostgreSQL {found} 的数据,现有程序是 {binaries.version} / "
            f"{home.data} was made by PostgreSQL {found}, the programs are {binaries.version}: dump and restore it, or use the old programs"
        )
    if account.dropped and home.data.stat().st_uid != account.uid:
        account.give_tree(home.data)
        home.data.chmod(0o700)


def _forget_last_run(home: Home, socket_folder: Path) -> None:
    """Removes what a killed server left; the caller holds `server.lock`.

    Only a server that was started by hand on our data is beyond that lock: its files stay, and PostgreSQL itself refuses to start.
    """
    note = home.data / "postmaster.pid"
    if _names_server(note, home.data):
        return
    for leftover in (note, socket_folder / SOCKET_FILE, socket_folder / f"{SOCKET_FILE}.lock"):
        leftover.unlink(missing_ok=True)


def _names_server(note: Path, data: Path) -> bool:
    """Whether the process that the note names is a server on this data. A zombie has an empty command line."""
    try:
        pid = int(note.read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return False
    return os.path.basename(command[0]) in (b"postgres", b"postmaster") and os.fsencode(data) in command
