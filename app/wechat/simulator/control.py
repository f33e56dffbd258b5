"""`/_simulator/…`: what a phone, a person or bad luck does, for development and tests. Errors here are plain 422."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.wechat.simulator.world import Fault, World

Person = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CodeWish(_Body):
    person: Person
    kind: Literal["login", "phone"]
    phone: Annotated[str, Field(pattern=r"^[0-9]{5,15}$")] | None = None
    country: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")] = "86"


class PermissionWish(_Body):
    person: Person
    template_id: Annotated[str, Field(min_length=1, max_length=64)]
    count: Annotated[int, Field(ge=0, le=1_000)]


class FaultWish(_Body):
    path: Annotated[str, Field(pattern=r"^/[a-z0-9_/-]+$", max_length=128)]
    times: Annotated[int, Field(ge=1, le=1_000_000)] | None = 1
    errcode: int | None = None
    status: Annotated[int, Field(ge=300, le=599)] | None = None
    body: Annotated[str, Field(max_length=100_000)] | None = None
    size: Annotated[int, Field(ge=0, le=64 << 20)] | None = None
    delay: Annotated[float, Field(ge=0, le=120)] = 0


def routes(world: World) -> list[Route]:
    """codes: what `wx.login` or the phone button gives. permissions: how many subscription messages a person takes. faults: see `Fault`.

    sent, media_checks: what our side has asked for. calls: how often each path was asked.
    """

    async def codes(request: Request) -> Response:
        wish = CodeWish.model_validate_json(await request.body())
        return JSONResponse({"code": world.mint_code(wish.person, kind=wish.kind, phone=wish.phone, country=wish.country)})

    async def permissions(request: Request) -> Response:
        wish = PermissionWish.model_validate_json(await request.body())
        world.permissions[world.openid(wish.person), wish.template_id] = wish.count
        return Response(status_code=204)

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            world.faults.clear()
        else:
            world.faults.append(Fault(**FaultWish.model_validate_json(await request.body()).model_dump()))
        return Response(status_code=204)

    async def sent(request: Request) -> Response:
        return JSONResponse({"items": list(world.sent)})

    async def media_checks(request: Request) -> Response:
        return JSONResponse({"items": list(world.media_checks)})

    async def calls(request: Request) -> Response:
        return JSONResponse(world.calls)

    return [
        Route("/_simulator/codes", _judged(codes), methods=["POST"]),
        Route("/_simulator/permissions", _judged(permissions), methods=["POST"]),
        Route("/_simulator/faults", _judged(faults), methods=["POST", "DELETE"]),
        Route("/_simulator/sent", sent, methods=["GET"]),
        Route("/_simulator/media_checks", media_checks, methods=["GET"]),
        Route("/_simulator/calls", calls, methods=["GET"]),
    ]


def _judged(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            return JSONResponse({"errors": [{"loc": list(one["loc"]), "msg": one["msg"]} for one in problems]}, status_code=422)

    return answer
