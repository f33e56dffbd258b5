"""Every operation of the API as a call that can be made: parameters and bodies are filled from tables of known values."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app import clock

Values = Mapping[str, Sequence[Any]]
WRITTEN_ON = date(2026, 11, 24)  # the day as of which the documents' examples tell their days
DAY = re.compile(r"(20\d\d-\d\d-\d\d)(T.*)?")


@dataclass(frozen=True)
class Call:
    method: str
    template: str
    path: str
    query: dict[str, str]
    body: Any = None
    file: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.query or ''}"


class Unfilled(AssertionError):
    """A parameter without a value: a new route needs a line in the test's table."""


def calls(document: dict[str, Any], *, path_values: Values, query_values: Values, body_values: Mapping[str, Any]) -> Iterator[Call]:
    """For each reading operation: every combination of its path values, once without optional parameters and once with each of theirs.

    For each command: the last value of each.
    """
    for template, item in document["paths"].items():
        for method, operation in item.items():
            given = operation.get("parameters", [])
            names = [one["name"] for one in given if one["in"] == "path"]
            asked = [one for one in given if one["in"] == "query"]
            queries = list(_queries(template, asked, query_values))
            kind, body = _body(document, operation, body_values)
            asked_for = [_of(path_values, name, template) for name in names]
            if method != "get":
                asked_for = [values[-1:] for values in asked_for]  # a command answers for each thing alike
            for chosen in itertools.product(*asked_for):
                path = template
                for name, value in zip(names, chosen, strict=True):
                    path = path.replace("{" + name + "}", str(value))
                for query in queries:
                    yield Call(method.upper(), template, path, query, body, kind == "multipart/form-data")


def _queries(template: str, asked: list[dict[str, Any]], values: Values) -> Iterator[dict[str, str]]:
    needed = {one["name"]: str(_of(values, one["name"], template)[0]) for one in asked if one.get("required")}
    yield needed
    for one in asked:
        for value in _of(values, one["name"], template)[int(bool(one.get("required"))) :]:
            yield needed | {one["name"]: str(value)}


def _of(values: Values, name: str, template: str) -> Sequence[Any]:
    for key in (f"{template} {name}", name):
        if key in values:
            return values[key]
    raise Unfilled(f"{template}: no value for {name}")


def _body(document: dict[str, Any], operation: dict[str, Any], values: Mapping[str, Any]) -> tuple[str, Any]:
    """The media type and a body: the first example of the schema, its known fields replaced, its days as far from today as they were."""
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return "", None
    kind = "application/json" if "application/json" in content else next(iter(content))
    schema = content[kind].get("schema", {})
    named = schema.get("$ref") or next((one["$ref"] for one in schema.get("anyOf", []) if "$ref" in one), None)
    if named:
        schema = document["components"]["schemas"][named.rpartition("/")[2]]
    examples = schema.get("examples") or [content[kind].get("example") or {}]
    return kind, _filled(examples[0], values)


def _filled(told: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(told, dict):
        return {key: values[key] if key in values and told[key] is not None else _filled(value, values) for key, value in told.items()}
    if isinstance(told, list):
        return [_filled(value, values) for value in told]
    return _as_of_today(told) if isinstance(told, str) else told


def _as_of_today(told: str) -> str:
    found = DAY.fullmatch(told)
    if found is None:
        return told
    return (date.fromisoformat(found[1]) + (clock.today() - WRITTEN_ON)).isoformat() + (found[2] or "")
