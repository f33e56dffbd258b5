"""What each migration says to the database, statement by statement, noted while a run's template is made; for whoever judges the SQL."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

VERSION = re.compile(r"(?:insert into|update) alembic_version\b.*?'(\w+)'", re.IGNORECASE | re.DOTALL)


def place() -> Path:
    """Where the notes of this run lie, which all of its processes read."""
    return Path(tempfile.gettempdir()) / f"{os.environ['XINXIN_TEST_TEMPLATE']}-migrations.json"


@contextmanager
def noting(engine: Engine) -> Iterator[None]:
    """Each step ends with the note of its number, which Alembic makes. What a step says past SQLAlchemy (0009) is not heard."""
    steps: dict[str, list[str]] = {}
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        step = VERSION.match(statement)
        if step is None:
            said.append(statement)
        else:
            steps[step[1]] = list(said)
            said.clear()

    event.listen(engine, "before_cursor_execute", note)
    yield
    event.remove(engine, "before_cursor_execute", note)
    fresh = place().with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(steps, ensure_ascii=False))
    os.replace(fresh, place())


def of_this_run() -> dict[str, list[str]]:
    """Statements by step, in order."""
    noted: dict[str, list[str]] = json.loads(place().read_text())
    return noted
