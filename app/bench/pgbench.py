"""The same statements by pgbench: what PostgreSQL itself can do with them, on one connection a client, without Python.

A script is written from what was learned. What another request would be given comes from a table of items, by one SELECT at the beginning
of each transaction, together with what is fresh; values out of answers are kept in variables. `executemany` becomes one statement after
the other, so there are a few more round trips than in the service.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg

from app.bench.load import Load
from app.bench.playing import SERVER_SETTINGS
from app.bench.script import Given, Script, Step
from app.bench.sources import Answered, Constant, FreshDigest, FreshHex, FreshId, FromGiven, Inside, Moment, Pieces, Several, Source
from app.db.embedded import binaries

PARAMETER = re.compile(r"\$(\d+)")
COMMENT = re.compile(r"--[^\n]*")
VARIABLE = re.compile(r"(?<!:):(?=[A-Za-z_])")  # what pgbench would take for one of its own
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TYPES = {UUID: "uuid", bytes: "bytea", float: "float8", str: "text", int: "int8"}
MOST_PARAMETERS, MOST_SCRIPTS = 250, 100
THREADS = 2
FIRST = 2  # transactions of a client that prepare its statements, and are not counted


class Impossible(Exception):
    """Why these statements cannot go through pgbench."""


def program() -> Path | None:
    """pgbench of the embedded server's files, or of the machine's."""
    places = [binaries.find(None), *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((place / "pgbench" for place in places if (place / "pgbench").exists()), None)


def quoted(value: Any) -> str:
    """A literal, with nothing in it that pgbench could take for a variable."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"array[{', '.join(map(quoted, value))}]"
    if isinstance(value, asyncpg.BitString):
        return f"B'{value.as_string().replace(' ', '')}'"
    text = _text(value).replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a").replace("\n", "\\n")
    return f"E'{text}'" if "\\" in text else f"'{text}'"


def _text(value: Any) -> str:
    match value:
        case bytes():
            return "\\x" + value.hex()
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return f"{value.total_seconds()} seconds"
        case str() | int() | float() | UUID():
            return str(value)
    if type(value).__name__ == "Decimal":
        return str(value)
    raise Impossible(f"a value of type {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Written:
    """A script as pgbench reads it."""

    script: Script
    items: str | None
    chained: bool = False

    @property
    def text(self) -> str:
        cells = (source.cell if isinstance(source, Inside) else source for source in _simple(self.script))
        asked = {cell.step for cell in cells if isinstance(cell, Answered)}
        lines = [self._opening()] if self.items else []
        for number, step in enumerate(self.script.steps):
            end = f" \\aset s{number}_" if number in asked else ";"
            lines += [self._statement(step, sources) + end for sources in (step.bound or ((),))]
        return "\n".join(lines) + "\n"

    def _opening(self) -> str:
        """The item's own values, and what is fresh; a chain goes on from what it drew last time."""
        ids = (f"gen_random_uuid() as id{number}" for number in range(self.script.fresh_ids))
        digests = (f"sha256(uuid_send(gen_random_uuid())) as digest{number}" for number in range(self.script.digests))
        hexes = (
            f"replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') as hex{number}" for number in range(self.script.hexes)
        )
        chained = ["coalesce(:v_digest0::bytea, hash) as hash"] if self.chained else []
        columns = ", ".join(["item.*", "clock_timestamp() as now", *ids, *digests, *hexes, *chained])
        return (
            f"\\set n :first + {'0' if self.chained else ':i'} * :clients + :client_id\n\\set i :i + 1\n"
            f"select {columns} from {self.items} item where n = :n::int8 \\aset v_"
        )

    def _statement(self, step: Step, sources: Sequence[Source]) -> str:
        statement = COMMENT.sub("", step.statement).strip().rstrip(";")
        if VARIABLE.search(statement):
            raise Impossible(f"a colon in {statement[:80]!r}")
        filled = PARAMETER.sub(lambda found: self._typed(sources[int(found[1]) - 1], step.types[int(found[1]) - 1]), statement)
        if len(VARIABLE.findall(filled)) > MOST_PARAMETERS:
            raise Impossible("too many values")
        return filled

    def _typed(self, source: Source, kind: str) -> str:
        return f"({self._expression(source)})::{kind}"

    def _expression(self, source: Source) -> str:
        match source:
            case Constant(value):
                return quoted(value)
            case FromGiven(name, shift):
                return f":v_{name}::float8 + {shift!r}" if shift else f":v_{name}"
            case Answered(step, _, _, name):
                if not NAME.fullmatch(name):
                    raise Impossible(f"a column called {name!r}")
                return f":s{step}_{name}"
            case Inside(cell, path):
                return f"({self._expression(cell)}::json #>> {quoted([str(part) for part in path])}::text[])"
            case FreshId(number):
                return f":v_id{number}"
            case FreshDigest(number):
                return f":v_digest{number}"
            case FreshHex(number, length):
                return f"left(:v_hex{number}::text, {length})"
            case Moment(after):
                return f":v_now::timestamptz + interval '{after.total_seconds()} seconds'"
            case Pieces(parts, binary):
                text = " || ".join(f"({self._expression(one)})::text" for one in parts)
                return f"convert_to({text}, 'UTF8')" if binary else text
            case Several(items):
                return f"array[{', '.join(map(self._expression, items))}]"


def _simple(script: Script) -> Iterator[Source]:
    for step in script.steps:
        for sources in step.bound:
            for source in sources:
                yield from _within(source)


def _within(source: Source) -> Iterator[Source]:
    inner = source.parts if isinstance(source, Pieces) else source.items if isinstance(source, Several) else None
    if inner is None:
        yield source
    else:
        for one in inner:
            yield from _within(one)


async def lay_out(database: str, slug: str, items: Sequence[Given]) -> str:
    """The table of an operation's items; its name."""
    table, names = f"bench_item_{slug}", list(items[0])
    kinds = [TYPES[type(items[0][name])] for name in names]
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(
            f"create table {table} (n int8 primary key, {', '.join(f'{name} {kind}' for name, kind in zip(names, kinds, strict=True))});"
            f"grant select on {table} to public"
        )
        await connection.copy_records_to_table(
            table, columns=["n", *names], records=[(number, *(one[name] for name in names)) for number, one in enumerate(items)]
        )
        await connection.execute(f"analyze {table}")
    finally:
        await connection.close()
    return table


@dataclass(frozen=True, slots=True)
class Task:
    """`first` and `count`: which items, for scripts that have them; without them it goes on for `seconds`."""

    database: str
    scripts: Sequence[str]
    connections: int
    seconds: float
    first: int = 0
    count: int | None = None


def run(task: Task) -> Load:
    """Raises Impossible, with what pgbench said, when it did not go through."""
    pgbench = program()
    if pgbench is None:
        raise Impossible("there is no pgbench")
    with tempfile.TemporaryDirectory(prefix="xinxin-pgbench-") as name:
        folder = Path(name)
        files = [folder / f"{number}.sql" for number in range(len(task.scripts))]
        for file, text in zip(files, task.scripts, strict=True):
            file.write_text(text)
        done = subprocess.run(
            _command(pgbench, task, files), cwd=folder, env=_environment(task.database), capture_output=True, text=True, check=False
        )
        if done.returncode or "aborted" in done.stderr:
            said = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
            raise Impossible(said[0][:300] if said else f"exit code {done.returncode}")
        return _heard(folder, task.connections)


def _command(pgbench: Path, task: Task, files: Sequence[Path]) -> list[str]:
    amount = ["-T", str(max(1, round(task.seconds)))] if task.count is None else ["-t", str(task.count // task.connections)]
    given = ["-D", f"first={task.first}", "-D", "i=0", "-D", f"clients={task.connections}"] if task.count is not None else []
    scripts = [part for file in files for part in ("-f", str(file))]
    return [
        str(pgbench), "-n", "-M", "prepared", "-c", str(task.connections), "-j", str(min(THREADS, task.connections)), *amount, "-l",
        *given, *scripts,
    ]


def _environment(database: str) -> dict[str, str]:
    place, asked = urlsplit(database), parse_qs(urlsplit(database).query)
    settings = " ".join(f"-c {name}={value}" for name, value in SERVER_SETTINGS.items() if name != "application_name")
    return {
        "PGHOST": asked.get("host", [place.hostname or ""])[0], "PGPORT": asked.get("port", [str(place.port or 5432)])[0],
        "PGUSER": place.username or "postgres", "PGPASSWORD": place.password or "", "PGDATABASE": place.path[1:], "PGOPTIONS": settings,
    }


def _heard(folder: Path, clients: int) -> Load:
    """Of the log of each transaction: client, number, microseconds, script, and when it ended."""
    lines = [line.split() for file in folder.glob("pgbench_log.*") for line in file.read_text().splitlines()]
    counted = [line for line in lines if int(line[1]) > FIRST] or lines
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in counted]
    times = [int(line[2]) / 1_000 for line in counted]
    began = min(end - took / 1_000 for end, took in zip(ends, times, strict=True))
    return Load(times, max(ends) - began)
