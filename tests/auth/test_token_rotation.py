"""Rotation of refresh tokens (reliability.md 4.2), through HTTP; times are moved in the rows, never waited for."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.db.session import AsyncSession
from app.security import tokens
from tests.auth.calls import API, bearer, execute, row, sign_in
from tests.support.simulator import RunningSimulator


@pytest.fixture
async def signed(client: httpx.AsyncClient, simulator: RunningSimulator) -> dict[str, Any]:
    return await sign_in(client, simulator, "刷新的骑手")


async def use(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{API}/auth/refresh", json={"refresh_token": token})


async def rotated(client: httpx.AsyncClient, token: str) -> str:
    answer = await use(client, token)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh_token"])


async def reuse_events(session: AsyncSession, account: str) -> int:
    found = await row(
        session, "select count(*) as n from audit_event where action = 'auth.refresh_reuse' and outcome = 'denied' and actor_id = :id",
        id=UUID(account),
    )
    return int(found.n)


async def dead(client: httpx.AsyncClient, signed: dict[str, Any]) -> bool:
    return (await client.get(f"{API}/auth/sessions", headers=bearer(signed))).status_code == 401


async def test_a_token_rotates_and_the_same_session_goes_on(client: httpx.AsyncClient, signed: dict[str, Any]) -> None:
    answer = (await use(client, signed["refresh_token"])).json()
    assert answer["refresh_token"] != signed["refresh_token"] and answer["account"] == signed["account"] | {"created": False}
    for access in (answer, signed):
        assert len((await client.get(f"{API}/auth/sessions", headers=bearer(access))).json()["items"]) == 1
    assert (await use(client, answer["refresh_token"])).status_code == 200


@pytest.mark.check("S29", part=True)
async def test_a_lost_answer_is_given_again(client: httpx.AsyncClient, session: AsyncSession, signed: dict[str, Any]) -> None:
    child = await rotated(client, signed["refresh_token"])
    assert [await rotated(client, signed["refresh_token"]) for _ in range(3)] == [child] * 3
    kept = await row(session, "select count(*) as n from refresh_token where hash = :hash", hash=tokens.refresh_hash(child))
    assert kept.n == 1
    assert await rotated(client, child) != child
    assert await reuse_events(session, signed["account"]["id"]) == 0


@pytest.mark.check("S29", part=True)
async def test_a_parent_whose_child_was_used_ends_the_family(
    client: httpx.AsyncClient, session: AsyncSession, signed: dict[str, Any]
) -> None:
    child = await rotated(client, signed["refresh_token"])
    grandchild = await rotated(client, child)
    answer = await use(client, signed["refresh_token"])
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_reused")
    assert await dead(client, signed)
    assert (await use(client, grandchild)).json()["code"] == "refresh_token_reused", "the owner is told why"
    assert await reuse_events(session, signed["account"]["id"]) == 1


@pytest.mark.check("S29", part=True)
async def test_after_the_grace_a_second_use_ends_the_family(
    client: httpx.AsyncClient, session: AsyncSession, signed: dict[str, Any]
) -> None:
    await rotated(client, signed["refresh_token"])
    age = "update refresh_token set superseded_at = superseded_at - interval '88 seconds' where superseded_at is not null"
    await execute(session, age)
    await rotated(client, signed["refresh_token"])
    await execute(session, age)
    assert (await use(client, signed["refresh_token"])).json()["code"] == "refresh_token_reused"
    assert await dead(client, signed)


@pytest.mark.check("S29", part=True)
async def test_logging_out_wins_over_the_grace(client: httpx.AsyncClient, session: AsyncSession, signed: dict[str, Any]) -> None:
    child = await rotated(client, signed["refresh_token"])
    assert (await client.post(f"{API}/auth/logout", headers=bearer(signed), json={})).status_code == 204
    for token in (signed["refresh_token"], child):
        assert (await use(client, token)).json()["code"] == "unauthenticated"
    assert await reuse_events(session, signed["account"]["id"]) == 0


async def test_what_is_no_refresh_token(client: httpx.AsyncClient, signed: dict[str, Any]) -> None:
    for token in (tokens.new_refresh(), signed["refresh_token"] + "=", signed["refresh_token"][:-1], signed["access_token"][:500]):
        answer = await use(client, token)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    for body in ({}, {"refresh_token": ""}, {"refresh_token": None}, {"refresh_token": "x" * 600}, {"refresh_token": "x", "more": 1}):
        assert (await client.post(f"{API}/auth/refresh", json=body)).status_code == 422


async def test_the_idle_limit_moves_but_never_beyond_the_whole_life(
    client: httpx.AsyncClient, session: AsyncSession, signed: dict[str, Any]
) -> None:
    who = UUID(signed["account"]["id"])
    await execute(session, "update auth_session set created_at = created_at - interval '29 days' where account_id = :id", id=who)
    following = await rotated(client, signed["refresh_token"])
    left = await row(session, "select expires_at - clock_timestamp() as rest from auth_session where account_id = :id", id=who)
    assert 86_000 < left.rest.total_seconds() <= 86_400
    await execute(session, "update auth_session set expires_at = clock_timestamp() where account_id = :id", id=who)
    assert (await use(client, following)).json()["code"] == "unauthenticated"
    assert await dead(client, signed)
