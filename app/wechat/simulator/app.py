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

from app.wechat.simulator import content, control, people, subscriptions
from app.wechat.simulator.protocol import BODY_LIMIT, Asked, Call
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import Fault, World

CALLS = (*people.CALLS, *subscriptions.CALLS, *content.CALLS)


def create_app(appid: str, secret: str, *, clock: Callable[[], float] = time.time) -> Starlette:
    """One mini program's WeChat. `clock` gives the Unix time by which codes, tokens and limits live."""
    world = World(appid, secret, clock)
    spoken = [Route(call.path, _endpoint(call, world), methods=["GET", "POST"]) for call in CALLS]
    return Starlette(routes=[*spoken, *control.routes(world)], exception_handlers={HTTPException: _elsewhere})


def _endpoint(call: Call, world: World) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        world.calls[call.path] = world.calls.get(call.path, 0) + 1
        fault = world.take_fault(call.path)
        response = _faulty(fault, call) if fault and fault.replaces else await _perform(call, world, request)
        if fault and fault.delay:
            await asyncio.sleep(fault.delay)
        return response

    return answer


async def _perform(call: Call, world: World, request: Request) -> Response:
    try:
        if request.method != call.method:
            raise Refusal(43002 if call.method == "POST" else 43001)
        body = await _body(request) if call.method == "POST" else {}
        if call.with_token:
            world.expect_token(request.query_params.get("access_token"))
        result = call.handle(world, Asked(request.query_params, body))
    except Refusal as refusal:
        result = refusal.answer()
    return Response(result, media_type="image/png") if isinstance(result, bytes) else _json(result, call.media_type)


async def _body(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > BODY_LIMIT:
            raise Refusal(45002)
    if not raw:
        raise Refusal(44002)
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refusal(47001) from None
    if not isinstance(data, dict):
        raise Refusal(47001)
    return data


def _faulty(fault: Fault, call: Call) -> Response:
    """A status without a body is a gateway's page; `size` is that many bytes of a JSON that never ends."""
    if fault.status is not None:
        headers = {"Location": "/elsewhere"} if fault.status < 400 else {}
        return Response(fault.body or "<html>gateway</html>", fault.status, headers, media_type="text/html")
    if fault.size is not None:
        return Response(b'{"x":"' + b"x" * fault.size, media_type="application/json")
    if fault.body is not None:
        return Response(fault.body, media_type="application/json")
    assert fault.errcode is not None
    return _json(Refusal(fault.errcode).answer(), call.media_type)


def _json(data: dict[str, Any], media_type: str) -> Response:
    return Response(json.dumps(data, ensure_ascii=False).encode(errors="replace"), media_type=media_type)


async def _elsewhere(request: Request, error: Exception) -> Response:
    """WeChat answers 200 on paths that it does not know; the controls say what is wrong in HTTP."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/_simulator/"):
        return Response(status_code=error.status_code)
    return _json(Refusal(40066).answer(), "application/json")
