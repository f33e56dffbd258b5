"""reliability.md S38: whatever a client sends, it hears a 4xx problem document; never a 5xx, and every list still answers afterwards.

Here each operation gets a ninth of the dictionary, its neighbours the others; the night gives all of it to each
(tests/trust/nightly/test_s38_nasty.py).
"""

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.robustness.lab import Lab
from tests.robustness.nasty import BODIES, BODILESS, BULKY, JSON, NOT_FOR_TEXT, OF_IDS, TEXTS, VALUES, Operation, with_ids, written

PLAIN = {"content-type": JSON}
SHARES = 6
LONGEST_QUERY = 60_000  # httpx sends no address of more than 65,536 bytes


def in_turn(words: Iterable[str], turn: int, shares: int) -> list[str]:
    """Every so-maniest of them; `shares` turns have them all."""
    return [word for number, word in enumerate(words) if number % shares == turn % shares]


def keyed(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"idempotency-key": uuid4().hex}


@pytest.mark.check("S38")
async def test_nasty_bodies(lab: Lab) -> None:
    await send_bodies(lab)


async def send_bodies(lab: Lab, shares: int = SHARES) -> None:
    """Every operation that takes no GET gets nasty bodies, the ones that read no body at all included."""
    for turn, operation in enumerate(lab.operations()):
        if operation.method == "GET":
            continue
        caller, url = await lab.caller_of(operation), lab.path_of(operation)
        for what in in_turn(BODIES if operation.takes_json else BODILESS, turn, shares):
            content, headers = BODIES[what]
            answer = await lab.send(operation, what, url=url, content=content, headers=keyed(caller.headers | headers))
            if operation.takes_json and answer is not None:
                judge_body(lab, operation, what, answer.status_code)
    await lab.lists_answer()
    lab.verdict()


def judge_body(lab: Lab, operation: Operation, what: str, status: int) -> None:
    """What the contract says of these bodies in particular, wherever a body is read."""
    wanted = {
        "form": {415}, "text": {415}, "two content types": {415}, "latin-1": {415}, "gzip": {415}, "multipart": {415},
        "over a megabyte": {413}, "no content type": {415},
    }.get(what)
    if wanted and operation.path.startswith("/api/") and status not in wanted | {429}:
        lab.wrong.append(f"{operation.name} [{what}]: {status}, not {wanted}")


@pytest.mark.check("S38")
async def test_nasty_fields(lab: Lab) -> None:
    await send_fields(lab)


async def send_fields(lab: Lab, shares: int = SHARES) -> None:
    """Every field of every JSON body gets nasty values: all fields at once, then alone those that the first answer did not blame."""
    for turn, operation in enumerate(lab.operations()):
        if not operation.takes_json or not operation.body:
            continue
        caller, url = await lab.caller_of(operation), lab.path_of(operation)
        good = with_ids(operation.body, lab.known)
        for what in in_turn(VALUES, turn, shares):
            value, names, bodies = VALUES[what], list(good), list(inner(good, VALUES[what]))
            if what in BULKY:
                names, bodies = some(names, turn, shares), []
            else:
                blamed = await _send_fields(lab, operation, what, url, caller.headers, dict.fromkeys(good, value))
                names = [name for name in names if name not in blamed and not (what in NOT_FOR_TEXT and is_text(good[name]))]
            for name, body in [(name, good | {name: value}) for name in names] + some(bodies, turn, shares):
                await _send_fields(lab, operation, f"{name} = {what}", url, caller.headers, body)
    await lab.lists_answer()
    lab.verdict()


def some(things: list[Any], turn: int, shares: int) -> list[Any]:
    """All of them where nothing is shared out, otherwise the one whose turn it is."""
    return things if shares == 1 or not things else [things[turn % len(things)]]


def inner(body: dict[str, Any], value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields within fields, each with the body that has this value there."""
    for name, held in body.items():
        first = held[0] if isinstance(held, list) and held else held
        for within in first if isinstance(first, dict) else ():
            changed = first | {within: value}
            yield f"{name}.{within}", body | {name: [changed] if isinstance(held, list) else changed}


def is_text(shown: Any) -> bool:
    """An example that is neither a day, an id nor a number."""
    return isinstance(shown, bool) or (isinstance(shown, str) and not any(mark.isdigit() for mark in shown[:2]))


async def _send_fields(lab: Lab, operation: Operation, what: str, url: str, headers: dict[str, str], body: dict[str, Any]) -> set[str]:
    """The names that the answer blames; all of them when the body was not even read field by field."""
    answer = await lab.send(operation, what, url=url, content=written(body), headers=keyed(headers | PLAIN))
    if answer is None or answer.status_code in (400, 413, 429):
        return set(body)
    if answer.status_code != 422 or "errors" not in answer.json():
        return set()
    errors = answer.json()["errors"]
    if any(len(one["loc"]) < 2 for one in errors):
        return set(body)
    return {str(one["loc"][1]) for one in errors}


@pytest.mark.check("S38")
async def test_nasty_parameters(lab: Lab) -> None:
    await send_parameters(lab)


async def send_parameters(lab: Lab, shares: int = SHARES) -> None:
    """Query parameters get nasty texts: all at once, then alone those that were not blamed; parameters in paths as well."""
    for turn, operation in enumerate(lab.operations()):
        caller, url = await lab.caller_of(operation), lab.path_of(operation)
        body = None if operation.body is None else written(with_ids(operation.body, lab.known))
        headers = caller.headers | (PLAIN if body is not None else {})
        good = {name: quote(str(value)) for name, value in with_ids(operation.query, lab.known).items() if value is not None}
        for text in in_turn(TEXTS, turn, shares) if operation.query else ():
            blamed = set[str]()
            for some in _sendable(list(operation.query), text):
                blamed |= await _send_query(lab, operation, f"query {text[:40]}", url, headers, body, dict.fromkeys(some, text))
            for name in [name for name in operation.query if name not in blamed]:
                await _send_query(lab, operation, f"{name} = {text[:40]}", url, headers, body, good | {name: text})
        for what, target in _nasty_paths(lab, operation, turn, shares):
            await lab.send(operation, what, url=target, content=body, headers=keyed(headers))
        if operation.query:
            twice = "&".join(f"{name}=1&{name}=2" for name in operation.query) + "".join(f"&p{n}=1" for n in range(1_000))
            await lab.send(operation, "repeated, 1,000 more", url=f"{url}?{twice}", content=body, headers=keyed(headers))
    await lab.lists_answer()
    lab.verdict()


def _sendable(names: list[str], text: str) -> Iterator[list[str]]:
    """All of them at once, or as many as an address takes before the client itself refuses to send it."""
    most = max(1, LONGEST_QUERY // (len(text) + 40))
    for first in range(0, len(names), most):
        yield names[first : first + most]


async def _send_query(
    lab: Lab, operation: Operation, what: str, url: str, headers: dict[str, str], body: bytes | None, query: dict[str, str]
) -> set[str]:
    target = f"{url}?" + "&".join(f"{name}={text}" for name, text in query.items())
    answer = await lab.send(operation, what, url=target, content=body, headers=keyed(headers))
    if answer is None or len(query) == 1:
        return set(query)
    return {str(one["loc"][1]) for one in answer.json()["errors"] if len(one["loc"]) > 1} if answer.status_code == 422 else set()


def _nasty_paths(lab: Lab, operation: Operation, turn: int, shares: int) -> Iterator[tuple[str, str]]:
    """The path with each of its parameters replaced in turn."""
    for name in [part.partition("}")[0] for part in operation.path.split("{")[1:]]:
        for text in in_turn(OF_IDS if name.endswith("_id") else TEXTS[1:], turn, shares):
            changed = Operation(operation.method, operation.path.replace("{" + name + "}", text), None, False)
            yield f"{name} = {text[:40]}", lab.path_of(changed)


@pytest.mark.check("S38")
async def test_nasty_headers(lab: Lab) -> None:
    caller = await lab.caller()
    me = Operation("GET", "/api/v1/members/me", None, False)
    for what, headers in {
        "no token": {}, "empty": {"authorization": ""}, "basic": {"authorization": "Basic eDp5"},
        "bearer only": {"authorization": "Bearer "},
        "nested": {"authorization": "Bearer " + "[" * 3_000 + ".e30.x"}, "unicode": {"authorization": "Bearer \xff\xfe"},
        "five thousand": {"authorization": "Bearer " + "a." * 2_500},
        "lower case": {"authorization": caller.headers["Authorization"].lower()},
    }.items():
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await lab.client.get(me.path, headers=raw)  # type: ignore[arg-type]
        if answer.status_code != 401 or answer.headers["content-type"] != "application/problem+json":
            lab.wrong.append(f"{what}: {answer.status_code}")
    for given in ("", "short", "x" * 129, "tab\there-and-there", "good-request-id"):
        answer = await lab.client.get(me.path, headers=caller.headers | {"x-request-id": given})
        kept = answer.headers["x-request-id"] == given
        assert answer.status_code == 200 and kept == (given == "good-request-id"), given
    for version in ("1", '"x"', 'W/"1"', '"99999999999"', '"-1"'):
        answer = await lab.client.post(
            f"/api/v1/reports/{lab.known['report_id']}/withdraw", headers=caller.headers | {"if-match": version}, json={}
        )
        if answer.status_code != 422:
            lab.wrong.append(f"If-Match {version}: {answer.status_code}")
    for override in ("PATCH", "patch", "DELETE", "TRACE", "GET", "\x00"):
        answer = await lab.client.post(me.path, headers=caller.headers | {"x-http-method-override": override}, json={"unknown": 1})
        if answer.status_code not in (405, 422, 202):
            lab.wrong.append(f"override {override!r}: {answer.status_code}")
    lab.verdict()
