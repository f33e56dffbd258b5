"""Where the server's files are, the locks on them, and the folder of its socket."""

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.db.embedded.account import Account
from app.db.embedded.failure import EmbeddedServerError

DATABASE = "xinxin"
PORT = 5432  # only names the socket file: the server listens on no TCP port
SOCKET_FILE = f".s.PGSQL.{PORT}"
LONGEST_SOCKET_PATH = 107  # bytes; sockaddr_un.sun_path holds 108 with its NUL
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # needs no quoting in a URL, in asyncpg's comma-separated hosts, or in a server setting
LARGEST_LOG = 16 * 1024 * 1024  # bytes; a larger log is put aside when the next supervisor starts
SUPERVISOR_LOCK_DESCRIPTOR = 3  # under which number a supervisor inherits its lock from the replica that starts it
LOCK_POLL = 0.02  # seconds


class Home:
    """The layout below one data folder. `folder` belongs to us; `data` and the socket's folder to the server's account."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.folder = self.data_dir / "postgres"
        self.data = self.folder / "data"
        self.draft = self.folder / "data.new"
        self.binaries = self.folder / "binaries"
        self.replicas_lock = self.folder / "replicas.lock"
        self.supervisor_lock = self.folder / "supervisor.lock"
        self.server_lock = self.folder / "server.lock"
        self.log = self.data_dir / "postgres.log"
        self.url_file = self.data_dir / "database.url"
        self.archive_script = self.folder / "archive.sh"
        self.archive_note = self.folder / "archive-to"
        self._near_socket = self.folder / "socket"
        self._far_socket_note = self.folder / "socket-folder"

    def make(self) -> None:
        """Makes the folders that are missing. As root they are passable for the server's account; what existed keeps its mode."""
        mode = 0o711 if os.geteuid() == 0 else 0o700
        for folder in (*reversed(self.folder.parents), self.folder):
            try:
                os.mkdir(folder)
            except FileExistsError:
                continue
            except OSError as error:
                raise EmbeddedServerError(f"无法建立文件夹 {folder} / cannot make the folder {folder}: {error.strerror}") from error
            os.chmod(folder, mode)

    def socket_folder(self) -> Path | None:
        """The folder of the socket; None until a supervisor has made one for a data folder whose own path is unfit."""
        if _fits(self._near_socket):
            return self._near_socket
        try:
            folder, owner = self._far_socket_note.read_text().splitlines()
        except (FileNotFoundError, ValueError):
            return None
        return Path(folder) if owner == str(self.folder) else None  # a note copied along with the data names the original's socket

    def make_socket_folder(self, account: Account) -> Path:
        """Makes the socket's folder or takes over the one of the last run, so that the address stays. Only under the supervisor's lock."""
        folder = self.socket_folder()
        if folder is not None:
            if not os.path.lexists(folder):
                os.mkdir(folder, 0o700)
                account.give(folder)
            if account.owns_privately(folder):
                return folder
        if folder == self._near_socket:
            os.chmod(folder, 0o700)
            account.give(folder)
            return folder
        folder = Path(tempfile.mkdtemp(prefix="xinxin-", dir="/tmp"))  # short by definition, whatever TMPDIR says
        account.give(folder)
        replace_file(self._far_socket_note, f"{folder}\n{self.folder}\n")
        return folder

    def open_log(self) -> int:
        """A descriptor that appends to the server's log (mode 0600)."""
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        return os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def has_data(data_dir: Path) -> bool:
    """Has a server been made there before, to its end?"""
    return Home(data_dir).data.exists()


def url(socket_folder: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={socket_folder}&port={PORT}"


def _fits(folder: Path) -> bool:
    path = str(folder / SOCKET_FILE)
    return len(path) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(path) is not None


def replace_file(path: Path, text: str) -> None:
    """Writes a file of mode 0600 that readers see either as it was or whole."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def try_lock(path: Path, *, shared: bool = False) -> int | None:
    """A descriptor that holds the lock until it is closed everywhere, or None while another process holds it.

    It is closed on exec, so a child holds the lock only if it is handed the descriptor.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise EmbeddedServerError(f"{path} 属于另一个用户 / {path} belongs to another user: start as the user that made it") from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def held(path: Path, *, shared: bool = False, patience: float) -> Iterator[int]:
    """Waits up to `patience` seconds for the lock and yields its descriptor; raises EmbeddedServerError when it is not free by then."""
    deadline = time.monotonic() + patience
    while (descriptor := try_lock(path, shared=shared)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"{path} 一直被占用 / {path} stayed locked for {patience:.0f} s")
        time.sleep(LOCK_POLL)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
