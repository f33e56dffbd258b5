"""The HTTP application: WeChat's paths with WeChat's manners, and the controls beside them."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.wechat.simulator import content, control, page, people, subscriptions
from app.wechat.simulator.faults import answered
from app.wechat.simulator.protocol import BODY_LIMIT, Asked, Call
from app.wechat.simulator.pushing import Pusher
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import Security, Target, World

CALLS = (*people.CALLS, *subscriptions.CALLS, *content.CALLS)
PARALLEL = 43108
SIGNATURE = "wechatmp-signature"  # an unsigned call is answered in the clear, even when the keys are set


def create_app(
    appid: str, secret: str, *, clock: Callable[[], float] = time.time, target: Target | None = None, security: Security | None = None
) -> Starlette:
    """One mini program's WeChat. `clock` gives the Unix time by which codes, tokens and limits live; `target` hears events."""
    world = World(appid, secret, clock)
    world.target, world.security = target, security
    pusher = Pusher(world)
    spoken = [Route(call.path, _endpoint(call, world, pusher), methods=["GET", "POST"]) for call in CALLS]
    routes = [*spoken, *control.routes(world, pusher), *page.routes(world)]
    return Starlette(routes=routes, exception_handlers={HTTPException: _elsewhere})


def _endpoint(call: Call, world: World, pusher: Pusher) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        world.calls[call.path] = world.calls.get(call.path, 0) + 1
        fault = world.take_fault(call.path)
        response = fault.answer(call.media_type) if fault and fault.replaces else await _perform(call, world, request)
        pusher.start()
        return await fault.spoil(response) if fault else response

    return answer


async def _perform(call: Call, world: World, request: Request) -> Response:
    sealed: Security | None = None
    try:
        if request.method != call.method:
            raise Refusal(43002 if call.method == "POST" else 43001)
        sealed = world.security if SIGNATURE in request.headers else None
        body = await _body(request, sealed) if call.method == "POST" else {}
        if call.with_token:
            world.expect_token(request.query_params.get("access_token"))
        world.limits.count(call.path)
        result = await _handled(call, world, Asked(request.query_params, body))
    except Refusal as refusal:
        result = refusal.answer()
        said = f"{call.path} {refusal.errcode}"
        world.refused[said] = world.refused.get(said, 0) + 1
    if isinstance(result, bytes):
        return Response(result, media_type="image/png")
    if sealed is None:
        return answered(result, call.media_type)
    data, headers = sealed.seal(_url(request), result)
    response = answered(data, call.media_type)
    response.headers.update(headers)
    return response


async def _handled(call: Call, world: World, asked: Asked) -> dict[str, Any] | bytes:
    """Raises Refusal(43108) while another call for the same person is under way, where the call takes one at a time."""
    person = asked.body.get(call.alone) if call.alone else None
    if not isinstance(person, str):
        return call.handle(world, asked)
    if person in world.sending:
        raise Refusal(PARALLEL)
    world.sending.add(person)
    try:
        result = call.handle(world, asked)
        await asyncio.sleep(world.manners.latency)
        return result
    finally:
        world.sending.discard(person)


def _url(request: Request) -> str:
    """What is signed names WeChat's own host, wherever this one runs."""
    return f"https://api.weixin.qq.com{request.url.path}"


async def _body(request: Request, sealed: Security | None) -> dict[str, Any]:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > BODY_LIMIT:
            raise Refusal(45002)
    if not raw:
        raise Refusal(44002)
    if sealed is not None:
        return sealed.open(_url(request), request.headers, bytes(raw))
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(47001) from None
    if not isinstance(data, dict):
        raise Refusal(47001)
    return data


async def _elsewhere(request: Request, error: Exception) -> Response:
    """WeChat answers 200 on paths that it does not know; the controls say what is wrong in HTTP."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/_simulator"):
        return Response(status_code=error.status_code)
    return answered(Refusal(40066).answer(), "application/json")
