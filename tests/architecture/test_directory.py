"""The table of routes finds what the framework's own search finds, and leaves to it what it does not know."""

import functools
import itertools
import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from app.directory import Directory

SEGMENT = "01933c5e-7a00-7000-8000-000000000001"


def asked(application: FastAPI) -> Iterator[Scope]:
    """Each route's own path, and with it every literal word of another route in place of a parameter."""
    words = {part for route in application.routes if isinstance(route, Route) for part in route.path.split("/") if part and "{" not in part}
    for route in application.routes:
        if isinstance(route, Route):
            for word in {SEGMENT, *(words if route.path.count("{") == 1 else ())}:
                path = re.sub(r"\{[^}]*\}", word, route.path)
                for method in route.methods or ():
                    yield {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def searched(routes: list[BaseRoute], scope: Scope) -> BaseRoute | None:
    return next((route for route in routes if route.matches(dict(scope))[0] is Match.FULL), None)


async def found(directory: Directory, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> BaseRoute | None:
    scope = dict(scope)

    async def note(route: BaseRoute, scope: Scope, receive: Receive, send: Send) -> None:
        scope["found"] = route

    for route in itertools.chain.from_iterable(directory.lines.values()):
        monkeypatch.setattr(route, "app", functools.partial(note, route))
    await directory(scope, None, None)  # type: ignore[arg-type]
    answered: BaseRoute | None = scope.get("found")
    return answered


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Stands for the framework's own search."""


async def test_it_finds_what_the_search_finds(application: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, known = Directory(nothing, application.routes), 0
    scopes = list(asked(application))
    for scope in scopes:
        here = await found(directory, scope, monkeypatch)
        known += here is not None
        assert here is None or here is searched(application.routes, scope), scope["path"]
    assert known > 0.9 * len(scopes), "the table is hardly used"


async def test_a_wrong_method_is_told_what_can_be_done(client: httpx.AsyncClient) -> None:
    answer = await client.put("/api/v1/points/me")
    assert answer.status_code == 405 and answer.headers["allow"] == "GET"
    assert (await client.get("/api/v1/points/me/")).status_code == 404
