"""Just enough of PostgreSQL's protocol to ask a server whether it serves a database, and to create one: no client library, no pid guess."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from io import BufferedReader
from pathlib import Path

from app.db.embedded.failure import EmbeddedServerError
from app.db.embedded.home import SOCKET_FILE

PROTOCOL_3 = 196608
ANSWER_TIMEOUT = 2.0  # seconds
CREATE_TIMEOUT = 60.0  # seconds; the template is copied and synced to disk
UNKNOWN_DATABASE = "3D000"
DUPLICATE_DATABASE = "42P04"
TOO_MANY_CONNECTIONS = "53300"


def patience() -> Iterator[float]:
    """Pauses between two probes in seconds: short ones for a start of 0.1 s, longer ones for a recovery (it logs each probe)."""
    pause = 0.01
    while True:
        yield pause
        pause = min(pause * 1.1, 0.25)


class State(Enum):
    DOWN = "nothing answers, or the server is starting or stopping"
    NO_DATABASE = "the server is up but has no such database"
    READY = "the database takes queries"


def probe(folder: Path, database: str) -> State:
    try:
        with _session(folder, database, ANSWER_TIMEOUT) as (_, _, refusal):
            if refusal == UNKNOWN_DATABASE:
                return State.NO_DATABASE
            return State.READY if refusal in (None, TOO_MANY_CONNECTIONS) else State.DOWN
    except OSError:
        return State.DOWN


def create_database(folder: Path, name: str) -> None:
    """Creates it unless it exists. Raises EmbeddedServerError with the server's code."""
    try:
        with _session(folder, "postgres", CREATE_TIMEOUT) as (link, answers, refusal):
            if refusal is None:
                query = f'create database "{name}"'.encode() + b"\0"
                link.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
                refusal = _until_idle(answers)
    except OSError as error:
        raise EmbeddedServerError(f"建库失败 / cannot create the database {name}: {error}") from error
    if refusal not in (None, DUPLICATE_DATABASE):
        raise EmbeddedServerError(f"建库失败 / cannot create the database {name}: SQLSTATE {refusal}")


@contextmanager
def _session(folder: Path, database: str, timeout: float) -> Iterator[tuple[socket.socket, BufferedReader, str | None]]:
    """A started session and the SQLSTATE of its refusal. "Authentication ok" proves nothing: the database is looked up after it."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout)
        link.connect(str(folder / SOCKET_FILE))
        words = b"user\0postgres\0database\0" + database.encode() + b"\0\0"
        link.sendall(struct.pack("!II", len(words) + 8, PROTOCOL_3) + words)
        with link.makefile("rb") as answers:
            yield link, answers, _until_idle(answers)
        with suppress(OSError):  # The server has closed its side already if it refused.
            link.sendall(b"X" + struct.pack("!I", 4))


def _until_idle(answers: BufferedReader) -> str | None:
    """Reads messages up to "ready for query" or the end; the SQLSTATE of the error among them, if any."""
    code: str | None = None
    while True:
        head = answers.read(5)
        if len(head) < 5:
            return code or "08006"
        kind, length = struct.unpack("!cI", head)
        body = answers.read(length - 4)
        if kind == b"E":
            fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
            code = fields.get(b"C", b"XX000").decode()
        if kind == b"Z":
            return code
