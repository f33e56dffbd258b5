"""Runs an endpoint that answers by a model: its parameters and its body go in, JSON of the model's shape comes out.

FastAPI's own handler can do more (streams, forms, telemetry, background tasks) and looks at each request anew for which of it is asked:
a sixth of the calls of `GET /members/me`. What is asked is known from the start; whatever is more than JSON is left to that handler.
"""

import json
from dataclasses import dataclass
from typing import Any

from fastapi import params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.auth.solving import ABSENT, Plan


@dataclass(frozen=True, slots=True, eq=False)
class Answering:
    """One endpoint. `plan`: what it is called with; `reads`: whether it has a body."""

    plan: Plan
    reads: bool
    model: Any
    status: int

    @classmethod
    def of(cls, route: APIRoute) -> "Answering | None":
        """None for what is FastAPI's to handle."""
        form = route.body_field is not None and isinstance(route.body_field.field_info, params.Form)
        own = not isinstance(route.response_class, DefaultPlaceholder)
        plan = Plan.of(route.dependant, embedded=route._embed_body_fields)
        if form or own or route.response_field is None or plan is None:
            return None
        return cls(plan, reads=route.body_field is not None, model=route.response_field, status=route.status_code or 200)

    async def __call__(self, request: Request) -> Response:
        """Raises RequestValidationError for what does not fit its parameters, ResponseValidationError for what does not fit its model."""
        answer = await self.plan.call(**await self._asked(request))
        if isinstance(answer, Response):
            return answer
        value, mistakes = self.model.validate(answer, {}, loc=("response",))
        if mistakes:
            raise ResponseValidationError(errors=mistakes, body=answer)
        return Response(self.model.serialize_json(value), self.status, media_type="application/json")

    async def _asked(self, request: Request) -> dict[str, Any]:
        body = await _read(request) if self.reads else ABSENT
        values, mistakes = await self.plan.solve(request, body)
        if mistakes:
            raise RequestValidationError(mistakes, body=None if body is ABSENT else body)
        return values


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
