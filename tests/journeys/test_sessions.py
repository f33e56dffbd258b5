"""Signing in and out, rights that end at once, and keys that are kept: all over two workers and a restart."""

import asyncio
from uuid import uuid4

import httpx

from tests.support.newcomer import API, Caller, World, sign_in, wechat_code


async def everywhere(world: World, caller: Caller, path: str, tries: int = 12) -> set[int]:
    """What fresh connections, which land on either worker, are told."""

    async def ask() -> int:
        async with httpx.AsyncClient(base_url=world.service.url, timeout=30) as fresh:
            return (await fresh.get(API + path, headers=caller.headers)).status_code

    return set(await asyncio.gather(*(ask() for _ in range(tries))))


async def test_a_code_signs_in_once_and_a_session_ends_everywhere(world: World) -> None:
    code = await wechat_code(world.service, world.http, "张三")
    first = await world.http.post(f"{API}/auth/wechat", json={"code": code})
    second = await world.http.post(f"{API}/auth/wechat", json={"code": code})
    assert first.status_code == 200 and (second.status_code, second.json()["code"]) == (401, "wechat_code_invalid")
    caller = Caller(world.http, "张三", tokens=first.json())
    again = await sign_in(world.service, world.http, "张三")
    assert again["account"]["id"] == first.json()["account"]["id"] and not again["account"]["created"]
    assert await everywhere(world, caller, "/members/me") == {200}
    assert (await caller.send("POST", "/auth/logout")).status_code == 204
    assert await everywhere(world, caller, "/members/me") == {401}
    assert await everywhere(world, Caller(world.http, "张三", tokens=again), "/members/me") == {200}


async def test_a_refresh_token_used_twice_late_ends_its_family(world: World) -> None:
    tokens = [await sign_in(world.service, world.http, "李四")]
    for _ in range(2):
        turned = await world.http.post(f"{API}/auth/refresh", json={"refresh_token": tokens[-1]["refresh_token"]})
        assert turned.status_code == 200 and turned.json()["refresh_token"] != tokens[-1]["refresh_token"]
        tokens.append(turned.json())
    caller = Caller(world.http, "李四", tokens=tokens[-1])
    assert (await caller.send("GET", "/members/me")).status_code == 200
    stolen = await world.http.post(f"{API}/auth/refresh", json={"refresh_token": tokens[0]["refresh_token"]})
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_token_reused")
    assert await everywhere(world, caller, "/members/me") == {401}
    assert (await world.http.post(f"{API}/auth/refresh", json={"refresh_token": tokens[-1]["refresh_token"]})).status_code == 401


async def test_a_grant_ends_at_once_on_both_workers(world: World) -> None:
    phone_owner = await world.person()
    granted = await world.owner.does("POST", f"/stores/{world.store_id}/staff", {"phone": phone_owner.phone, "role": "store_clerk"})
    path = f"/stores/{world.store_id}/verifications"
    assert await everywhere(world, phone_owner, path) == {200}
    gone = await world.owner.send("DELETE", f"/stores/{world.store_id}/staff/{granted['id']}")
    assert gone.status_code == 204
    assert await everywhere(world, phone_owner, path) == {404}


async def test_one_key_is_one_effect_on_both_workers(world: World) -> None:
    rider = await world.rider(points=100)
    reward = await world.reward()
    key, body = uuid4().hex, {"reward_id": reward["id"]}
    first = await rider.post("/redemptions", body, key=key)
    assert first.status_code == 201 and "idempotency-replayed" not in first.headers

    async def again() -> httpx.Response:
        async with httpx.AsyncClient(base_url=world.service.url, timeout=30) as fresh:
            return await fresh.post(f"{API}/redemptions", json=body, headers=rider.headers | {"Idempotency-Key": key})

    for answer in await asyncio.gather(*(again() for _ in range(8))):
        assert (answer.status_code, answer.content, answer.headers["idempotency-replayed"]) == (201, first.content, "true")
    changed = await rider.post("/redemptions", body | {"quantity": 2}, key=key)
    assert (changed.status_code, changed.json()["code"]) == (422, "idempotency_key_reused")
    missing = await rider.send("POST", "/redemptions", body)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")
    for bad in ("short", "x" * 129, "white space in it"):
        refused = await rider.post("/redemptions", body, key=bad)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_request"), bad
    stranger = await world.rider(points=10)
    own = await stranger.post("/redemptions", body, key=key)
    assert own.status_code == 201 and own.json()["id"] != first.json()["id"]
    assert (await rider.points())["held"] == 10


async def test_a_refusal_is_remembered_and_a_mistake_is_not(world: World) -> None:
    rider = await world.rider(points=10)
    dear, cheap = await world.reward(points=500), await world.reward()
    key = uuid4().hex
    assert (await rider.post("/redemptions", {"reward_id": "nonsense"}, key=key)).status_code == 422
    poor = await rider.post("/redemptions", {"reward_id": dear["id"]}, key=key)
    assert (poor.status_code, poor.json()["code"]) == (409, "insufficient_points")
    await world.give(rider, 600)
    still = await rider.post("/redemptions", {"reward_id": dear["id"]}, key=key)
    assert (still.status_code, still.content, still.headers["idempotency-replayed"]) == (409, poor.content, "true")
    assert (await rider.post("/redemptions", {"reward_id": cheap["id"]}, key=key)).json()["code"] == "idempotency_key_reused"
    assert (await rider.points())["held"] == 0
