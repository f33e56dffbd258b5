"""Runs an endpoint that answers by a model: its parameters and its body go in, JSON of the model's shape comes out.

FastAPI's own handler can do more (streams, forms, telemetry, background tasks) and looks at each request anew for which of it is asked:
a sixth of the calls of `GET /members/me`. What is asked is known from the start; whatever is more than JSON is left to that handler.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from fastapi import params
from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies import utils as solving
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from pydantic_core import PydanticUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

ABSENT = PydanticUndefined  # as FastAPI marks a body that is not there


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """One endpoint. `asks`: whether it has any parameter; `reads`: whether it has a body; `spare`: which parameters may be left out."""

    endpoint: Callable[..., Awaitable[Any]]
    dependant: Dependant
    asks: bool
    reads: bool
    embedded: bool
    model: Any
    status: int
    spare: frozenset[str]

    @classmethod
    def of(cls, route: APIRoute) -> "Answering | None":
        """None for what is FastAPI's to handle."""
        form = route.body_field is not None and isinstance(route.body_field.field_info, params.Form)
        own = not isinstance(route.response_class, DefaultPlaceholder)
        known = route.dependant
        if form or own or route.response_field is None or known.response_param_name or known.background_tasks_param_name:
            return None
        asks = any((known.dependencies, known.path_params, known.query_params, known.header_params, known.cookie_params, known.body_params))
        assert known.call is not None
        return cls(
            endpoint=known.call, dependant=known, asks=asks or bool(known.request_param_name), reads=route.body_field is not None,
            embedded=route._embed_body_fields, model=route.response_field, status=route.status_code or 200,
            spare=frozenset(_everywhere(known)),
        )

    async def __call__(self, request: Request) -> Response:
        """Raises RequestValidationError for what does not fit its parameters, ResponseValidationError for what does not fit its model."""
        answer = await self.endpoint(**await self._asked(request) if self.asks else {})
        if isinstance(answer, Response):
            return answer
        value, mistakes = self.model.validate(answer, {}, loc=("response",))
        if mistakes:
            raise ResponseValidationError(errors=mistakes, body=answer)
        return Response(self.model.serialize_json(value), self.status, media_type="application/json")

    async def _asked(self, request: Request) -> dict[str, Any]:
        body = await _read(request) if self.reads else ABSENT
        solved = await solving.solve_dependencies(
            request=request, dependant=self.needed(request.query_params) if self.spare else self.dependant, body=body,
            async_exit_stack=request.scope["fastapi_inner_astack"], embed_body_fields=self.embedded,
        )
        if solved.errors:
            raise RequestValidationError(solved.errors, body=None if body is ABSENT else body)
        return solved.values

    def needed(self, named: Iterable[str]) -> Dependant:
        """Without the query parameters that a request does not name: each would be looked for, and its default copied, anew."""
        return _without(self, self.spare.difference(named))


@lru_cache(maxsize=2_048)
def _without(answering: Answering, absent: frozenset[str]) -> Dependant:
    return _less(answering.dependant, absent)


def _less(dependant: Dependant, absent: frozenset[str]) -> Dependant:
    spare = {one.alias for one in _spare(dependant)} & absent
    return replace(
        dependant, query_params=[one for one in dependant.query_params if one.alias not in spare],
        dependencies=[_less(one, absent) for one in dependant.dependencies],
    )


def _spare(dependant: Dependant) -> Iterator[ModelField]:
    """The query parameters that mean, where they are not named, what the function itself takes instead."""
    assert dependant.call is not None
    taken = inspect.signature(dependant.call).parameters
    for one in dependant.query_params:
        told, default = one.field_info, taken[one.name].default
        simple = told.validation_alias in (None, one.alias) and not told.validate_default and not solving._get_param_model(one)
        if simple and default is not inspect.Parameter.empty and default == told.default:
            yield one


def _everywhere(dependant: Dependant) -> Iterator[str]:
    yield from (one.alias for one in _spare(dependant))
    for one in dependant.dependencies:
        yield from _everywhere(one)


async def _read(request: Request) -> Any:
    """Raises RequestValidationError where it is no JSON, HTTPException 400 where it is no text, too deep, or has too long a number."""
    if not await request.body():
        return ABSENT
    try:
        return await request.json()
    except json.JSONDecodeError as error:
        place = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}, "ctx": {"error": error.msg}}
        raise RequestValidationError([place], body=error.doc) from error
    except (ValueError, RecursionError) as error:
        raise HTTPException(400) from error
