"""What clients did and heard, as JSON lines; and judgements that read nothing but such a file and the final database.

A call that may change something is invoked once and ends once, ok or fail; between the two stands one `unknown` for each try whose answer
never came. No tokens and no bodies: a body is known by its digest.
"""

import hashlib
import itertools
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from app.db.session import Database

UNREMEMBERED = "/api/v1/auth/"  # a lost answer of these is made up for by their own rules, not by the key
KEYS = sa.text("select key, count(*), min(status) from idempotency_key where key = any(:keys) group by key")


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]


class History:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._out = path.open("a", buffering=1)
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)

    def invoke(self, **facts: Any) -> int:
        number = next(self._numbers)
        self.note("invoke", number, **facts)
        return number

    def note(self, kind: str, call: int, **facts: Any) -> None:
        told = {"type": kind, "call": call, "at": round(time.time(), 4), "mono": round(time.monotonic(), 6), **facts}
        with self._turn:
            self._out.write(json.dumps(told) + "\n")

    def close(self) -> None:
        self._out.close()


@dataclass
class Call:
    """One call of a history. `end`: ok, fail, or empty while nobody knows."""

    number: int
    method: str
    path: str
    key: str | None
    invoked: float
    unknown: int = 0
    end: str = ""
    ended: float = 0.0
    status: int = 0
    body: str = ""
    refused: list[int] = field(default_factory=list)  # statuses of tries that were to be made again


def read(path: Path) -> list[Call]:
    """Raises ValueError for a file that is not a history: an end without a beginning, or two ends."""
    calls: dict[int, Call] = {}
    for told in map(json.loads, path.read_text().splitlines()):
        number = told["call"]
        if told["type"] == "invoke":
            calls[number] = Call(number, told["method"], told["path"], told["key"], told["mono"])
            continue
        if number not in calls or calls[number].end:
            raise ValueError(f"call {number}: {told['type']} out of turn")
        call = calls[number]
        if told["type"] == "unknown":
            call.unknown += 1
        elif told["type"] == "again":
            call.refused.append(told["status"])
        else:
            call.end, call.ended, call.status, call.body = told["type"], told["mono"], told["status"], told["body"]
    return list(calls.values())


async def missing(calls: Iterable[Call], database: Database) -> list[str]:
    """Acknowledged writes of which the database knows nothing, or something else: every one must have its remembered answer, once."""
    writes = [call for call in calls if call.end == "ok" and call.method == "POST" and not call.path.startswith(UNREMEMBERED)]
    acknowledged = {call.key: call for call in writes if call.key}
    async with database.session() as session:
        rows = (await session.exec(KEYS, params={"keys": list(acknowledged)})).all()
    kept = {row[0]: (row[1], row[2]) for row in rows}
    return [
        f"{call.method} {call.path} told {call.status}: {kept.get(key, 'nothing')} kept"
        for key, call in acknowledged.items() if kept.get(key) != (1, call.status)
    ]


def open_ended(calls: Iterable[Call]) -> list[str]:
    """Calls of which nobody knows the end, although they were made again and again."""
    return [f"{call.method} {call.path}" for call in calls if not call.end]


def broken(calls: Iterable[Call]) -> list[str]:
    """Answers that no fault below excuses: a 5xx that is not 503, heard by any try."""
    return [
        f"{call.method} {call.path} {status}"
        for call in calls for status in (call.status, *call.refused) if status >= 500 and status != 503
    ]


def served(calls: Iterable[Call], since: float) -> float | None:
    """Seconds from `since` (monotonic) until the first write was acknowledged that was answered after it."""
    ends = [call.ended for call in calls if call.end == "ok" and call.method == "POST" and call.ended > since]
    return min(ends) - since if ends else None


async def lost_rows(database: Database, table: str, ids: Iterable[str]) -> list[str]:
    """Of what was acknowledged with an id, those that are not there. `table` is a name of ours."""
    wanted = [UUID(one) for one in ids]
    async with database.session() as session:
        found = (await session.exec(sa.text(f"select id from {table} where id = any(:ids)"), params={"ids": wanted})).scalars().all()
    return sorted(str(one) for one in set(wanted) - set(found))
