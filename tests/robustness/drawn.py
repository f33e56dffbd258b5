"""What Schemathesis draws from our own OpenAPI document, as requests that any client can send; and how their answers are judged."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any
from uuid import uuid4

import httpx
import requests
from schemathesis import checks, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.openapi.checks import UnsupportedMethodResponse
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as conformance

BASE = "http://test"
KEY = "idempotency-key"
CHECKS = [
    checks.not_a_server_error, conformance.status_code_conformance, conformance.content_type_conformance,
    conformance.response_headers_conformance, conformance.response_schema_conformance, conformance.missing_required_header,
    conformance.unsupported_method, conformance.allow_header_conformance,
]
# Counted, not judged: 422 also says what a schema cannot (one of two fields, a cursor that nobody gave out), and "false" is read as false.
OPINIONS = {"positive_data_acceptance", "negative_data_rejection"}
# Without a token nobody gets as far as an operation; where there is none of that name, or the request is none, that is told before.
UNKNOWN_CALLER = {400, 401, 404, 405, 431}


class Ground:
    """What the document has anywhere, for a name in a path may also be taken for an id: PATCH /units/kinds is one of /units/{unit_id}."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.known = [
            (method.upper(), re.compile(re.sub(r"\{\w+}", "[^/]+", path)))
            for path, methods in document["paths"].items() for method in methods
        ]

    def has(self, method: str, path: str) -> bool:
        return any(method == known and named.fullmatch(path) for known, named in self.known)


class Deck:
    """All cases of the coverage phase, by operation; they are drawn when an operation is first asked for."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.ground = Ground(document)
        self.schema = openapi.from_dict(json.loads(json.dumps(document)), config=SchemathesisConfig.from_dict({}))
        self.operations: list[APIOperation] = [found.ok() for found in self.schema.get_all_operations()]
        self.cases = cache(self._cases)

    def _cases(self, number: int) -> list[Case]:
        operation = self.operations[number]
        generation = self.schema.config.generation_for(operation=operation)
        return list(self.schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=generation))

    def hands(self, roles: list[str], count: int, seed: int) -> Iterator[tuple[str, Case]]:
        """So many cases, each operation for each role as evenly as the count allows."""
        chance, places = Random(seed), [(role, number) for number in range(len(self.operations)) for role in roles]
        while count > 0:
            chance.shuffle(places)
            for role, number in places[:count]:
                yield role, chance.choice(self.cases(number))
            count -= len(places)


@dataclass
class Verdict:
    """Faults by check, operation and status, each with the first answer that showed it."""

    ground: Ground
    sent: Counter[int] = field(default_factory=Counter)
    faults: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def judge(self, case: Case, answer: httpx.Response, *, signed_in: bool) -> None:
        self.sent[answer.status_code] += 1
        if not signed_in and _asks_who(case) and answer.status_code not in UNKNOWN_CALLER:
            self.note("ignored_auth", case, answer, "somebody without a token got past the door")
        try:
            case.validate_response(answer, checks=CHECKS)  # type: ignore[arg-type]
        except FailureGroup as group:
            for failure in group.exceptions:
                if isinstance(failure, UnsupportedMethodResponse) and self.ground.has(answer.request.method, answer.request.url.path):
                    continue
                self.note(type(failure).__name__, case, answer, said(failure))

    def note(self, what: str, case: Case, answer: httpx.Response, why: str) -> None:
        key = (what, case.operation.label, answer.status_code)
        self.faults.setdefault(key, f"{' '.join(why.split())[:400]} | {answer.request.method} {answer.request.url} {answer.text[:200]}")

    def told(self) -> str:
        return "\n".join(f"{' '.join(map(str, key))}: {why}" for key, why in sorted(self.faults.items())[:80])


def said(failure: BaseException) -> str:
    return f"{failure.title}: {failure.message}" if isinstance(failure, Failure) else str(failure)


def _asks_who(case: Case) -> bool:
    return bool(case.operation.definition.raw.get("security"))


def request_of(case: Case, headers: dict[str, str], ids: dict[str, str], chance: Random) -> httpx.Request | None:
    """The case as this caller sends it: half of the ids are of things that exist, and a well-formed key is no other request's.

    None for what no HTTP client would send.
    """
    if case.path_parameters and chance.random() < 0.5:
        case.path_parameters = case.path_parameters | {name: ids[name] for name in case.path_parameters if name in ids}
    if 8 <= len((case.headers or {}).get(KEY) or "") <= 128:
        case.headers[KEY] = uuid4().hex
    told = case.as_transport_kwargs(base_url=BASE, headers=headers)
    kept = {name: told[name] for name in ("method", "url", "headers", "params", "data", "json", "files", "cookies") if name in told}
    if not headers:
        kept["headers"].pop("Authorization", None)
    try:
        made = requests.Request(**kept).prepare()
        raw = [(name.encode("latin-1"), _bytes(value)) for name, value in made.headers.items() if name.lower() != "content-length"]
        return httpx.Request(str(made.method), str(made.url), headers=raw, content=_bytes(made.body or b""))
    except (requests.RequestException, httpx.InvalidURL, UnicodeError, ValueError):
        return None


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1" if value.isascii() else "utf-8")

