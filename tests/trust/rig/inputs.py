"""Every text that a client may send: the texts of a body one after the other, and what comes of putting something else in their place."""

import copy
from collections.abc import Iterator
from typing import Any

from tests.access.estate import Estate
from tests.access.positions import SIGNED_IN
from tests.access.requests import Request
from tests.access.table import TABLE
from tests.support.every_call import Call

Path = tuple[str | int, ...]


def texts(body: Any, at: Path = ()) -> Iterator[Path]:
    """Where the texts of a body stand."""
    if isinstance(body, str):
        yield at
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from texts(value, (*at, key))


def put(body: Any, at: Path, text: str) -> Any:
    changed = copy.deepcopy(body)
    place = changed
    for key in at[:-1]:
        place = place[key]
    place[at[-1]] = text
    return changed


def saying(request: Request, at: Path, text: str) -> Request:
    call = request.call
    return Request(request.name, Call(call.method, call.template, call.path, call.query, put(call.body, at, text), call.file))


def asking(request: Request, name: str, text: str) -> Request:
    call = request.call
    return Request(request.name, Call(call.method, call.template, call.path, call.query | {name: text}, call.body, call.file))


def callers(request: Request) -> list[str]:
    """Who may, by the table; those whom the estate's things belong to first."""
    may = [who for who in SIGNED_IN if TABLE[request.name].expected(who)[0] < 300]
    return sorted(may, key=lambda who: ("maker" not in who, "own" not in who, who))


async def kept(estate: Estate, request: Request, who: str) -> bool:
    """Sends it; what was refused leaves nothing behind, what was taken stays."""
    savepoint = await estate.connection.begin_nested()
    answer = await request.send(estate, who)
    if answer.is_success:
        await savepoint.commit()
    else:
        await savepoint.rollback()
    return answer.is_success
