"""`/_simulator/…`: what a phone, a person or bad luck does, for development and tests. Errors: plain 422, and 404 for what is unknown."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.wechat.simulator import content, pushing, subscriptions
from app.wechat.simulator.faults import Fault
from app.wechat.simulator.pushing import Pusher
from app.wechat.simulator.wishes import (
    ClockWish,
    CodeWish,
    FaultWish,
    MannersWish,
    PermissionWish,
    PersonWish,
    PushWish,
    QuotaWish,
    SubscriptionWish,
    TemplateWish,
    VerdictWish,
    Wish,
)
from app.wechat.simulator.world import Manners, Target, World

BASE = "/_simulator"
W = TypeVar("W", bound=Wish)


def routes(world: World, pusher: Pusher) -> list[Route]:
    """`GET /_simulator` shows them in a browser (`page`); the wishes say what each takes."""

    def clear_faults() -> None:
        world.faults.clear()

    def stop_pushing() -> None:
        world.target = None
        world.due.clear()

    async def verify(request: Request) -> Response:
        """As the console does before it takes an address."""
        if world.target is None:
            raise HTTPException(404)
        return JSONResponse({"verified": await pushing.verified(world.target)})

    async def settle(request: Request) -> Response:
        await pusher.settle()
        return JSONResponse(SHOWN["pushes"](world))

    return [
        _wish("codes", CodeWish, lambda wish: _mint(world, wish)),
        _wish("permissions", PermissionWish, lambda wish: _permit(world, wish)),
        _wish("templates", TemplateWish, lambda wish: world.templates.update({wish.template_id: frozenset(wish.keys)})),
        _wish("subscriptions", SubscriptionWish, lambda wish: _decide(world, pusher, wish)),
        _wish("people", PersonWish, lambda wish: _judge(world, wish)),
        _wish("faults", FaultWish, lambda wish: _spoil(world, wish), clear_faults),
        _wish("clock", ClockWish, lambda wish: _advance(world, pusher, wish)),
        _wish("quotas", QuotaWish, lambda wish: world.limits.set(wish.path, minute=wish.minute, daily=wish.daily)),
        _wish("manners", MannersWish, lambda wish: _behave(world, wish)),
        _wish("media_results", VerdictWish, lambda wish: _verdict(world, pusher, wish)),
        _wish("push", PushWish, lambda wish: _aim(world, wish), stop_pushing),
        Route(f"{BASE}/push/verify", verify, methods=["POST"]),
        Route(f"{BASE}/push/settle", settle, methods=["POST"]),
        *(_shown(name, world) for name in SHOWN),
    ]


SHOWN: dict[str, Callable[[World], Any]] = {
    "sent": lambda world: {"items": list(world.sent)},
    "media_checks": lambda world: {"items": list(world.media_checks)},
    "pushes": lambda world: {"items": list(world.pushed), "due": len(world.due)},
    "calls": lambda world: world.calls,
    "refused": lambda world: world.refused,
    "faults": lambda world: {"items": [asdict(fault) for fault in world.faults]},
    "clock": lambda world: {"now": world.clock(), "lapse": world.lapse},
    "quotas": lambda world: {path: {"daily": day.limit, "used": day.used} for path, day in world.limits.days.items()},
    "manners": lambda world: asdict(world.manners),
}


def _shown(name: str, world: World) -> Route:
    async def answer(request: Request) -> Response:
        return JSONResponse(SHOWN[name](world))

    return Route(f"{BASE}/{name}", answer, methods=["GET"])


def _wish(name: str, kind: type[W], fulfil: Callable[[W], Any], clear: Callable[[], None] | None = None) -> Route:
    async def answer(request: Request) -> Response:
        if request.method == "DELETE":
            assert clear is not None
            clear()
            return Response(status_code=204)
        try:
            wish = kind.model_validate_json(await request.body() or b"{}")
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            return JSONResponse({"errors": [{"loc": list(one["loc"]), "msg": one["msg"]} for one in problems]}, status_code=422)
        told = fulfil(wish)
        return Response(status_code=204) if told is None else JSONResponse(told)

    return Route(f"{BASE}/{name}", answer, methods=["POST"] if clear is None else ["POST", "DELETE"])


def _mint(world: World, wish: CodeWish) -> dict[str, str]:
    return {"code": world.mint_code(wish.person, kind=wish.kind, phone=wish.phone, country=wish.country)}


def _permit(world: World, wish: PermissionWish) -> None:
    world.permissions[world.openid(wish.person), wish.template_id] = wish.count


def _decide(world: World, pusher: Pusher, wish: SubscriptionWish) -> None:
    subscriptions.decide(world, world.openid(wish.person), wish.template_id, wish.answer)
    pusher.start()


def _judge(world: World, wish: PersonWish) -> dict[str, Any]:
    openid = world.openid(wish.person)
    changed: dict[str, Any] = wish.model_dump(include={"risk_rank", "blocked"}, exclude_none=True)
    world.people[openid] = replace(world.person(openid), **changed)
    if wish.visited is not None:
        world.visits[openid] = world.clock() - wish.visited
    return {"openid": openid} | asdict(world.person(openid))


def _spoil(world: World, wish: FaultWish) -> None:
    facts = wish.model_dump(exclude={"seconds"})
    if wish.seconds is not None:
        facts |= {"until": world.clock() + wish.seconds, "times": facts["times"] if "times" in wish.model_fields_set else None}
    world.faults.append(Fault(**facts))


def _advance(world: World, pusher: Pusher, wish: ClockWish) -> dict[str, float]:
    world.lapse += wish.advance
    pusher.start()
    return {"now": world.clock(), "lapse": world.lapse}


def _behave(world: World, wish: MannersWish) -> None:
    world.manners = Manners(**asdict(world.manners) | wish.model_dump(exclude_none=True))


def _verdict(world: World, pusher: Pusher, wish: VerdictWish) -> None:
    if not content.push_verdict(world, wish.trace_id, wish.suggest, errcode=wish.errcode):
        raise HTTPException(404)
    pusher.start()


def _aim(world: World, wish: PushWish) -> None:
    world.target = Target(**wish.model_dump())
