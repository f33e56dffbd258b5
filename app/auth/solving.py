"""What an endpoint is called with, found in a request by a plan that is made once.

FastAPI asks for each parameter of each request anew of which kind it is, and takes a copy of each default: a sixth of
`GET /reports/nearby`. What is simple is planned: path, query and header parameters, a JSON body, dependencies that are awaited.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any

from fastapi import params
from fastapi._compat import ModelField, field_annotation_is_sequence, get_missing_field_error
from fastapi.dependencies import utils
from fastapi.dependencies.models import Dependant, _is_coroutine_callable
from pydantic import AliasChoices, AliasPath
from pydantic_core import PydanticUndefined
from starlette.requests import Request

ABSENT = PydanticUndefined  # as FastAPI marks what is not there
Solved = tuple[dict[str, Any], list[Any]]  # values by name, mistakes as pydantic tells them


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """One parameter. `many`: its values come as a list; `spare`: where it is not named, the function takes its own default."""

    field: ModelField
    alias: str
    place: tuple[str, str]
    many: bool
    spare: bool

    @classmethod
    def of(cls, field: ModelField, own: Mapping[str, Parameter]) -> "_Asked | None":
        """None for what is not simple: a model of several, an alias by choice, JSON in a word, a path of several."""
        info = field.field_info
        assert isinstance(info, params.Param)
        many = field_annotation_is_sequence(info.annotation)
        apart = isinstance(info.validation_alias, AliasChoices | AliasPath) or utils._is_json_field(field)
        if apart or utils._get_param_model(field) is not None or (many and isinstance(info, params.Path)):
            return None
        [(_, alias)] = utils._get_param_aliases(field)
        default = own[field.name].default
        spare = not info.validate_default and default is not Parameter.empty and default == info.default
        return cls(field, alias, (info.in_.value, alias), many, spare)

    def found_in(self, given: Any) -> Any:
        found = given.getlist(self.alias) if self.many else given.get(self.alias)
        return ABSENT if found is None or (self.many and not found) else found

    def judged(self, found: Any) -> tuple[Any, list[Any]]:
        """As FastAPI judges it."""
        info = self.field.field_info
        if found is ABSENT:
            if info.is_required():
                return None, [get_missing_field_error(loc=self.place)]
            found = deepcopy(self.field.default)
            if not info.validate_default:
                return found, []
        return self.field.validate(found, {}, loc=self.place)


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """`before`: the plans of what its dependencies are called with, by the names of their results; `told`: names for the request itself."""

    call: Callable[..., Awaitable[Any]]
    before: Sequence[tuple[str | None, "Plan"]]
    path: Sequence[_Asked]
    query: Sequence[_Asked]
    header: Sequence[_Asked]
    told: Sequence[str]
    body: Sequence[ModelField] = ()
    embedded: bool = False

    @classmethod
    def of(cls, dependant: Dependant, *, embedded: bool = False) -> "Plan | None":
        """None where anything of it is for FastAPI to solve."""
        if _is_apart(dependant) or not _each_once(dependant):
            return None
        assert dependant.call is not None
        before = [(one.name, None if one.body_params else cls.of(one)) for one in dependant.dependencies]
        own = signature(dependant.call).parameters
        places = (dependant.path_params, dependant.query_params, dependant.header_params)
        path, query, header = ([_Asked.of(field, own) for field in fields] for fields in places)
        if None in (*path, *query, *header) or any(plan is None for _, plan in before):
            return None
        told = [name for name in (dependant.http_connection_param_name, dependant.request_param_name) if name]
        return cls(dependant.call, before, path, query, header, told, dependant.body_params, embedded)  # type: ignore[arg-type]

    async def solve(self, request: Request, body: Any = ABSENT) -> Solved:
        """Raises what a dependency raises."""
        values: dict[str, Any] = {}
        mistakes: list[Any] = []
        for name, plan in self.before:
            inner, wrong = await plan.solve(request)
            if wrong:
                mistakes += wrong
                continue
            result = await plan.call(**inner)
            if name is not None:
                values[name] = result
        for asked, given in ((self.path, "path_params"), (self.query, "query_params"), (self.header, "headers")):
            if asked:
                _take(asked, getattr(request, given), values, mistakes)
        if self.body:
            read, wrong = await utils.request_body_to_args(
                body_fields=list(self.body), received_body=body, embed_body_fields=self.embedded
            )
            values |= read
            mistakes += wrong
        return values | dict.fromkeys(self.told, request), mistakes


def _take(asked: Iterable[_Asked], given: Any, values: dict[str, Any], mistakes: list[Any]) -> None:
    for one in asked:
        found = one.found_in(given)
        if found is ABSENT and one.spare:
            continue
        value, wrong = one.judged(found)
        if wrong:
            mistakes += wrong
        else:
            values[one.field.name] = value


def _is_apart(dependant: Dependant) -> bool:
    known = dependant
    more = (
        known.cookie_params, known.websocket_param_name, known.response_param_name, known.background_tasks_param_name,
        known.security_scopes_param_name, known.concurrency,
    )
    return any(more) or not _is_coroutine_callable(known.call)


def _each_once(dependant: Dependant) -> bool:
    """Asks nothing twice: FastAPI would remember what the first gave."""
    calls = [id(one.call) for one in _all(dependant)]
    return len(calls) == len(set(calls))


def _all(dependant: Dependant) -> Iterable[Dependant]:
    yield dependant
    for one in dependant.dependencies:
        yield from _all(one)
