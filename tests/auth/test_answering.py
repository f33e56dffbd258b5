"""What answers in place of FastAPI's own handler says the same to everything that may come."""

import inspect
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from enum import IntEnum
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Cookie, Depends, FastAPI, Header, Query
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_dependant, solve_dependencies
from fastapi.routing import APIRoute
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app import problems
from app.auth.answering import Answering
from app.auth.routing import Route
from app.auth.solving import ABSENT, Plan, Solved, _all
from app.errors import AppError
from app.pagination import PageQuery
from app.rosters.paging import CandidateQuery

BODY = {"content-type": "application/json"}
SENT = {
    "right": b'{"count": 3}', "nothing": b"", "no JSON": b'{"count": ', "no text": b'{"count": "\xff\xfe"}',
    "a mark": b"\xef\xbb\xbf{}", "too deep": b"[" * 100_000, "too long a number": b'{"count": ' + b"9" * 5_000 + b"}",
    "a list": b"[]", "null": b"null", "a word": b'"three"', "wrong kind": b'{"count": "three"}',
    "unknown": b'{"count": 3, "role": "admin"}', "no number": b'{"count": NaN}', "twice": b'{"count": 1, "count": 2}',
    "refused": b'{"count": 0}', "half a character": b'{"count": "\\ud800"}',
}
ASKED = {
    "right": "?page=2&kind=1", "nothing": "", "wrong kind": "?page=two", "twice": "?page=1&page=2", "unknown": "?page=1&role=admin",
    "too small": "?page=0", "not listed": "?page=1&kind=9",
}


class Kind(IntEnum):
    ONE = 1


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int = Field(ge=1)


class Out(BaseModel):
    count: int
    note: str | None = None


async def _seen(if_match: Annotated[str | None, Header(max_length=4)] = None) -> str | None:
    return if_match


async def count(body: In) -> Any:
    return {"count": body.count, "more": "than the model tells"}


async def page(page: Annotated[int, Query(ge=1)], seen: Annotated[str | None, Depends(_seen)], kind: Kind = Kind.ONE) -> Any:
    return Out(count=page, note=f"{seen} {kind}")


async def plain() -> Any:
    return {"count": 1}


async def own() -> Any:
    return JSONResponse({"mine": True}, 418, {"x-mine": "1"})


async def bad() -> Any:
    return {"count": "no number"}


class Ours(APIRoute):
    """As `app.auth.routing.Route` makes them, without its pipeline."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        answering = Answering.of(self)
        assert answering is not None

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            scope["fastapi_inner_astack"] = scope["fastapi_function_astack"] = AsyncExitStack()
            await (await answering(Request(scope, receive, send)))(scope, receive, send)

        self.app = serve


def _application(kind: type[APIRoute]) -> FastAPI:
    made = FastAPI(openapi_url=None)
    made.router.route_class = kind
    problems.install(made)
    for endpoint in (count, page, plain, own, bad):
        made.add_api_route(
            f"/{endpoint.__name__}/", endpoint, methods=["POST" if endpoint is count else "GET"], response_model=Out,
            status_code=201 if endpoint is count else None,
        )
    return made


async def _heard(kind: type[APIRoute], method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}) -> tuple[Any, ...]:
    transport = httpx.ASGITransport(_application(kind), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.request(method, path, content=body, headers=headers)
    return answer.status_code, answer.content, sorted(answer.headers.items())


async def _alike(*asked: Any) -> int:
    heard = await _heard(Ours, *asked)
    assert heard == await _heard(APIRoute, *asked)
    return int(heard[0])


@pytest.mark.parametrize("sent", SENT)
async def test_a_body(sent: str) -> None:
    expected = {"right": 201, "twice": 201, "no text": 400, "too deep": 400, "too long a number": 400}
    assert await _alike("POST", "/count/", SENT[sent], BODY) == expected.get(sent, 422)


@pytest.mark.parametrize("asked", ASKED)
async def test_parameters(asked: str) -> None:
    assert await _alike("GET", "/page/" + ASKED[asked]) == (200 if asked in {"right", "twice", "unknown"} else 422)


async def test_headers() -> None:
    assert await _alike("GET", "/page/?page=1", b"", {"if-match": '"3"'}) == 200
    assert await _alike("GET", "/page/?page=1", b"", {"if-match": '"30000"'}) == 422


async def test_what_asks_for_nothing() -> None:
    assert await _alike("GET", "/plain/?page=1") == 200


async def test_an_answer_of_its_own() -> None:
    assert await _alike("GET", "/own/") == 418


async def test_an_answer_that_is_not_of_its_model() -> None:
    assert await _alike("GET", "/bad/") == 500


def test_what_is_more_than_json_is_left_to_fastapi() -> None:
    made = FastAPI()
    made.add_api_route("/page", own, response_class=JSONResponse, response_model=Out)
    made.add_api_route("/nothing", own, response_model=None)
    for route in made.routes:
        if isinstance(route, APIRoute):
            assert Answering.of(route) is None


def queries(dependant: Dependant) -> Iterator[str]:
    """None of its parameters, each alone, twice, all of them; with words that fit and words that do not."""
    names = sorted({one.alias for each in _all(dependant) for one in each.query_params})
    yield from ("", "unknown=1")
    for word in ("1", "newest", "2026-11-30", "", "116.5"):
        yield from (f"{name}={word}" for name in names)
        yield from (f"{name}={word}&{name}=1" for name in names)
        yield "&".join(f"{name}={word}" for name in names)


async def called_with(plan: Plan, solving: Awaitable[Solved]) -> Any:
    """What the function takes in the end, its own defaults among it; or how it is refused."""
    try:
        values, mistakes = await solving
    except AppError as refusal:
        return type(refusal), refusal.facts
    taken = inspect.signature(plan.call).parameters
    own = {name: one.default for name, one in taken.items() if one.default is not inspect.Parameter.empty}
    told = {name: vars(one) if isinstance(one, PageQuery | CandidateQuery) else one for name, one in (own | values).items()}
    return [{**one, "ctx": repr(one.get("ctx"))} for one in mistakes], told


def of_query(query: str, path: Mapping[str, str], header: str | None = None) -> Request:
    stack = AsyncExitStack()
    return Request({
        "type": "http", "method": "GET", "path": "/", "headers": [] if header is None else [(b"if-match", header.encode())],
        "query_string": query.encode(), "path_params": path, "fastapi_inner_astack": stack, "fastapi_function_astack": stack,
    })


async def by_fastapi(route: APIRoute, request: Request, body: Any) -> Solved:
    found = await solve_dependencies(
        request=request, dependant=route.dependant, body=body, async_exit_stack=AsyncExitStack(),
        embed_body_fields=route._embed_body_fields,
    )
    return found.values, found.errors


async def alike(route: APIRoute, plan: Plan, request: Request, body: Any = ABSENT) -> bool:
    planned = await called_with(plan, plan.solve(request, body))
    return bool(planned == await called_with(plan, by_fastapi(route, request, body)))


async def test_every_route_is_called_as_fastapi_would_call_it(application: FastAPI) -> None:
    compared = 0
    for route in application.routes:
        if not isinstance(route, Route):
            continue
        assert Plan.of(route.dependant) is not None, f"{route}: it asks for something that FastAPI has to solve"
        if (known := Answering.of(route)) is None:  # a form, or an answer that is no JSON
            continue
        plan = known.plan
        for word in ("1", "01933c5e-7a00-7000-8000-000000000009"):
            path = {one.alias: word for one in route.dependant.path_params}
            for query in queries(route.dependant):
                assert await alike(route, plan, of_query(query, path)), (route, query)
                compared += 1
            for header in ('"3"', "3", "", '"' * 40):
                assert await alike(route, plan, of_query("", path, header)), (route, header)
            for body in (ABSENT, {}, [], None, {"note": 1, "more": "x"}) if route.body_field else ():
                assert await alike(route, plan, of_query("", path), body), (route, body)
    assert compared > 5_000


async def test_a_default_that_is_forgotten_is_seen() -> None:
    """The check above tells a parameter that is left out although the function has no default of its own."""
    [route] = [one for one in _application(APIRoute).routes if isinstance(one, APIRoute) and one.endpoint is page]
    plan = Plan.of(route.dependant)
    assert plan is not None
    worse = replace(plan, query=[replace(one, spare=True) for one in plan.query])
    assert await alike(route, plan, of_query("", {})) and not await alike(route, worse, of_query("", {}))


def test_what_is_not_simple_is_left_to_fastapi() -> None:
    async def by_model(asked: Annotated[In, Query()]) -> Any: ...

    async def by_cookie(asked: Annotated[str, Cookie()]) -> Any: ...

    def in_a_thread() -> Any: ...

    async def with_a_thread(asked: Annotated[Any, Depends(in_a_thread)]) -> Any: ...

    async def twice(one: Annotated[Any, Depends(_seen)], other: Annotated[Any, Depends(_seen)]) -> Any: ...

    async def chosen(asked: Annotated[int, Query(validation_alias=AliasChoices("a", "b"))]) -> Any: ...

    for endpoint in (by_model, by_cookie, in_a_thread, with_a_thread, twice, chosen):
        assert Plan.of(get_dependant(path="/", call=endpoint)) is None
