"""Words that must not be found, every form in which they may hide, and where to look: answers, dumps, sealed values, objects, logs."""

import base64
import hashlib
import io
import json
import logging
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import sqlalchemy as sa
import structlog
from PIL import Image
from sqlalchemy.ext.asyncio import AsyncConnection

from app import clock, observability
from app.db.embedded import binaries
from app.db.session import AsyncSession
from app.security import sealing

# What `sealing.seal` was told where it is neither the column's name nor that without "_sealed".
OTHER_BINDINGS: dict[tuple[str, str], str] = {}
# Asked of the catalogue itself: the views of the standard take several times as long.
TABLES = """
select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname in ('public', 'jobs') and c.relkind in ('r', 'p') and has_table_privilege(c.oid, 'select') order by 1, 2
"""
SEALED = """
select c.relname, a.attname,
       array(select u.attname::text from pg_attribute u
              where u.attrelid = c.oid and u.attnum > 0 and not u.attisdropped and u.atttypid = 'uuid'::regtype)
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid = 'bytea'::regtype
 where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and has_column_privilege(c.oid, a.attnum, 'select') order by 1, 2
"""
# Rows that say something of a person without a word of theirs: only the account, or the report that was its own, leads to them.
WORDLESS = """
select 'report_signal ' || s.kind from report_signal s join report r on r.id = s.report_id where r.member_id = :id
union all select 'report_proof of ' || r.number from report_proof p join report r on r.id = p.report_id where r.member_id = :id
union all select 'unit_member of today' from unit_member where account_id = :id and until is null
union all select 'publicity_line of ' || points from publicity_line where member_id = :id
union all select 'shortlist_candidate chosen ' || chosen from shortlist_candidate where member_id = :id
union all select 'points_level ' || level from points_level where member_id = :id
union all select 'collusion_case ' || status from collusion_case where member_id = :id
union all select 'moderation_item ' || status from moderation_item where author_id = :id
union all select 'points_reminder ' || stage from points_reminder where member_id = :id
union all select 'announcement_receipt' from announcement_receipt where member_id = :id
union all select 'risk_rank ' || rank from risk_rank where member_id = :id
union all select 'group_chat ' || people from group_chat where keeper_id = :id
"""


EXACT = ("plain", "utf-16", "gb18030", "base64", "sha256 bytes", "reversed")


@lru_cache(maxsize=4096)
def forms(value: str) -> tuple[tuple[str, bytes, bool], ...]:
    """(name of the form, its bytes, whether looked for as it is) for each way in which a value may stand somewhere; hex and escapes are in
    lower case, and looked for in lower case."""
    data = value.encode()
    escaped = json.dumps(value)[1:-1].lower().encode()
    found = {
        "plain": data, "lower": value.lower().encode(), "utf-16": value.encode("utf-16-le"), "gb18030": value.encode("gb18030"),
        "hex": data.hex().encode(), "hex utf-16": value.encode("utf-16-le").hex().encode(), "json": escaped,
        "json twice": escaped.replace(b"\\", b"\\\\"), "json hex": escaped.hex().encode(),
        "percent": quote(value, safe="").lower().encode(),
        "sha256": hashlib.sha256(data).hexdigest().encode(), "sha256 bytes": hashlib.sha256(data).digest(),
        "md5": hashlib.md5(data).hexdigest().encode(), "reversed": value[::-1].encode(),
    }
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data)
        whole = coded[(0, 2, 3)[shift] : len(coded) - (0 if (shift + len(data)) % 3 == 0 else 4)]
        found[f"base64 {shift}"] = whole
        found[f"base64url {shift}"] = whole.replace(b"+", b"-").replace(b"/", b"_")
    kept: dict[bytes, str] = {}
    for name, form in found.items():
        if len(form) >= 6:
            kept.setdefault(form, name)
    return tuple((name, form, name.startswith(EXACT)) for form, name in kept.items())


@dataclass(frozen=True)
class Canary:
    """`sealed`: never in clear at rest; otherwise it stands in a column that an erasure empties."""

    name: str
    value: str
    sealed: bool = True


def leaks(data: bytes, canaries: Iterable[Canary]) -> list[str]:
    """Which canaries stand in the data, and how."""
    folded = data.lower()
    return [
        f"{canary.name} ({name})"
        for canary in canaries for name, form, exact in forms(canary.value) if form in (data if exact else folded)
    ]


def unpacked(body: bytes, media_type: str) -> bytes:
    """An answer's bytes, with what a workbook holds inside."""
    if not body.startswith(b"PK"):
        return body
    with zipfile.ZipFile(io.BytesIO(body)) as book:
        return body + b"\n".join(book.read(name) for name in book.namelist())


def in_answer(answer: Any, canaries: Iterable[Canary]) -> list[str]:
    """What an HTTP answer tells, in its body or its headers."""
    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items()).encode()
    return leaks(head + b"\n\n" + unpacked(answer.content, answer.headers.get("content-type", "")), canaries)


def dump(url: str) -> bytes:
    """The whole database as pg_dump writes it."""
    address = sa.make_url(url)
    host = str(address.query.get("host") or address.host)
    done = subprocess.run(
        [
            binaries.find() / "pg_dump", "--format=plain", "--no-owner", "--host", host, "--username", str(address.username),
            "--dbname", str(address.database),
        ],
        capture_output=True, check=False, timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def restore(url: str, text: bytes) -> None:
    """Writes a dump into an empty database."""
    address = sa.make_url(url)
    host = str(address.query.get("host") or address.host)
    done = subprocess.run(
        [
            binaries.find() / "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--host", host, "--username",
            str(address.username), "--dbname", str(address.database),
        ],
        input=text, capture_output=True, check=False, timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()


async def rows_as_text(connection: AsyncConnection) -> bytes:
    """Every row of every table as PostgreSQL prints it, as the transaction of this connection sees it."""
    tables = (await connection.execute(sa.text(TABLES))).all()
    every = " union all ".join(f"select '{table}: ' || t::text from \"{schema}\".\"{table}\" t" for schema, table in tables)
    return "\n".join((await connection.execute(sa.text(every))).scalars()).encode()


async def wordless(session: AsyncSession, member_id: UUID) -> list[str]:
    """What is known about the person by rows in which no canary can stand."""
    connection = await session.connection()
    return list((await connection.execute(sa.text(WORDLESS), {"id": member_id})).scalars())


async def opened(session: AsyncSession) -> list[tuple[str, bytes]]:
    """Every sealed value of the database in clear, with its table and column. Fails for one that no known binding opens."""
    connection = await session.connection()
    every = " union all ".join(
        f"select '{table}', '{column}', \"{column}\", array[{', '.join(ids)}]::uuid[] from \"{table}\" where \"{column}\" is not null"
        for table, column, ids in (await connection.execute(sa.text(SEALED))).all()
    )
    return [
        (f"{table}.{column}", _opened(session, table, column, bytes(value), rows))
        for table, column, value, rows in (await connection.execute(sa.text(every))).all() if looks_sealed(session, bytes(value))
    ]


def looks_sealed(session: AsyncSession, value: bytes) -> bool:
    """Begins with the head that names one of our keys; indexes and hashes do not."""
    if len(value) < sealing.HEAD.size + 29:
        return False
    version, _, length = sealing.HEAD.unpack_from(value)
    kid = value[sealing.HEAD.size : sealing.HEAD.size + length]
    return version == sealing.VERSION and kid in {name.encode() for name in sealing.ring(session).field.keys}


def _opened(session: AsyncSession, table: str, column: str, value: bytes, rows: list[Any]) -> bytes:
    names = (OTHER_BINDINGS.get((table, column), column), column.removesuffix("_sealed"))
    for name in names:
        for row in filter(None, rows):
            try:
                return sealing.unseal_bytes(session, value, table=table, column=name, row=row)
            except sealing.Unsealable:
                continue
    raise AssertionError(f"{table}.{column}: sealed under a binding that tests/support/canaries.py does not know")


def objects(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a local object store."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """Our logs as a process writes them."""
    before, root, written, stderr = structlog.get_config(), logging.getLogger(), io.StringIO(), sys.stderr
    handlers, level = root.handlers, root.level
    sys.stderr = written
    try:
        observability.configure("test")
        structlog.configure(cache_logger_on_first_use=False)  # who logs meanwhile must not go on writing here afterwards
        yield written
    finally:
        sys.stderr = stderr
        structlog.configure(**before)
        root.handlers, root.level = handlers, level
        structlog.contextvars.clear_contextvars()


def marked_photo(marker: str) -> bytes:
    """A JPEG that says the marker in its EXIF, in its comment and behind its end."""
    written, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = exif[0x9286] = marker.encode().decode("latin-1")
    Image.effect_noise((64, 48), 90).convert("RGB").save(written, "JPEG", exif=exif, comment=marker.encode())
    return written.getvalue() + marker.encode()


def last_quarter() -> tuple[int, int]:
    today = clock.today()
    return (today.year, (today.month - 1) // 3) if today.month > 3 else (today.year - 1, 4)


def spelled(copy: str) -> str:
    """The copy as one text, its escapes resolved."""
    return json.dumps(json.loads(copy), ensure_ascii=False)
