"""S03 for every POST of the OpenAPI document: asked for again it answers to the byte, changed it is refused, and nobody hears another's."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy.ext.asyncio import AsyncConnection

from app.auth import work
from app.auth.routing import Route
from app.db.session import AsyncSession
from tests.access.estate import Estate, settle
from tests.access.requests import PHOTO, SELF, Request, requests
from tests.support.county import County
from tests.support.people import People
from tests.support.traces import undone
from tests.trust.plugin import Measure

WHO = (
    "admin@county", "rider@own", "checker", "clerk@own", "owner@own", "worker@grid", "secretary@own", "platform", "maker", "contact@own",
    "instructor@own", "reviewer@street", "admin@street", "rider@other", "owner@other", "auditor@county",
)
AS_THEY_WERE = {"POST /auth/logout", "POST /auth/refresh", "POST /auth/wechat", "POST /auth/password"}  # sessions, not effects under a key
ENOUGH = 0.65  # of the operations succeed for somebody on the estate, and can be asked for again


@pytest.fixture
async def estate(
    client: httpx.AsyncClient, connection: AsyncConnection, session: AsyncSession, people: People, county: County,
    run_job: Callable[..., Awaitable[None]],
) -> Estate:
    return await settle(Estate(client, connection, session, county, people, run_job))


async def send(estate: Estate, request: Request, who: str, key: str | None, **changes: Any) -> httpx.Response:
    """`changes` are put into the body."""
    person = estate[who]
    headers = person.headers | ({"Idempotency-Key": key} if key else {})
    told: dict[str, Any] = {}
    if request.call.body is not None or changes:
        text = json.dumps((request.call.body or {}) | changes).replace(PHOTO, estate.photos.get(who, str(uuid4())))
        told = {"content": text.replace(SELF, str(person.id))}
        headers["content-type"] = "application/json"
    return await estate.client.request("POST", request.call.path, params=request.call.query, headers=headers, **told)


async def judged(estate: Estate, request: Request, who: str) -> list[str] | None:
    """What is wrong with it; None where it does not succeed for this person."""
    key = uuid4().hex
    first = await send(estate, request, who, key)
    if not first.is_success:
        return None
    again = await send(estate, request, who, key)
    wrong = []
    if (again.status_code, again.content) != (first.status_code, first.content) or again.headers.get("idempotency-replayed") != "true":
        wrong.append(f"{request.name}: {first.status_code}, then {again.status_code} {again.text[:80]}")
    changed = await send(estate, request, who, key, another=1)
    if changed.status_code != 422:
        wrong.append(f"{request.name}: another body under the key is {changed.status_code}")
    other = await send(estate, request, "admin@far", key)
    if "idempotency-replayed" in other.headers:
        wrong.append(f"{request.name}: somebody else hears it")
    return wrong


def posts(estate: Estate, document: dict[str, Any], application: FastAPI, *kinds: str) -> list[Request]:
    """Those that have an effect, by what they say of a key.

    Left out are those that only read: on a test's one connection their reader's end undoes what was remembered after it began.
    """
    keys = {}
    for context in iter_route_contexts(application.routes):
        route = getattr(context, "original_route", context)
        if isinstance(route, Route) and "POST" in route.methods:
            keys[context.path] = route.policy.key
    listed = [one for one in requests(estate, document) if one.method == "POST" and one.name not in AS_THEY_WERE and not one.call.file]
    listed = [one for one in listed if not one.name.endswith(("/dry-run", "/templates/{template_id}/preview"))]
    return [one for one in listed if keys.get(one.call.template) in kinds]


async def every(estate: Estate, listed: list[Request]) -> tuple[list[str], list[str]]:
    """What is wrong, and which operations succeeded for nobody."""
    wrong, silent = [], []
    for request in listed:
        found = None
        for who in WHO:
            async with undone(estate.connection):
                found = await judged(estate, request, who)
            if found is not None:
                break
        if found is None:
            silent.append(request.name)
        wrong += found or []
    return wrong, silent


@pytest.mark.check("S03")
async def test_every_post_answers_alike_under_its_key(
    estate: Estate, document: dict[str, Any], application: FastAPI, measured: Measure
) -> None:
    listed = posts(estate, document, application, "required", "optional")
    wrong, silent = await every(estate, listed)
    count = len(listed)
    measured("operations", count)
    measured("asked for again", count - len(silent))
    measured("wrong", len(wrong))
    assert wrong == []
    assert count - len(silent) >= ENOUGH * count, silent


@pytest.mark.check("S03")
async def test_every_post_wants_a_key_of_a_fitting_length(
    estate: Estate, document: dict[str, Any], application: FastAPI, measured: Measure
) -> None:
    """Where a key is asked for, none is 400; one of 256 characters is refused everywhere."""
    wrong, listed = [], posts(estate, document, application, "required")
    for request in listed:
        async with undone(estate.connection):
            none, long = [await send(estate, request, "admin@county", key) for key in (None, "k" * 256)]
        if none.status_code != 400 or none.json()["code"] != "idempotency_key_missing" or long.status_code not in (400, 422):
            wrong.append(f"{request.name}: {none.status_code}, {long.status_code}")
    measured("operations that want a key", len(listed))
    assert listed and wrong == []


@pytest.mark.variant("S03")
async def test_answers_that_are_not_remembered_are_noticed(
    estate: Estate, document: dict[str, Any], application: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault put back: no answer is written down."""
    listed = [one for one in posts(estate, document, application, "required") if one.name in ("POST /complaints", "POST /redemptions")]
    assert listed and [await _for_the_rider(estate, one) for one in listed] == [[]] * len(listed)

    async def forget(*_args: Any, **_more: Any) -> bool:
        return True

    monkeypatch.setattr(work.idempotency_service, "remember", forget)
    assert all([await _for_the_rider(estate, one) for one in listed])


async def _for_the_rider(estate: Estate, request: Request) -> list[str] | None:
    async with undone(estate.connection):
        return await judged(estate, request, "rider@own")
