"""Signing in through WeChat, sessions, logging out, stepping up."""

from uuid import UUID

import httpx
import pytest

from app.auth import service as auth_service
from app.auth.models import Account
from app.auth.principal import AccountStatus
from app.db.session import AsyncSession
from tests.auth.calls import API, bearer, row, sign_in
from tests.support.people import People
from tests.support.simulator import RunningSimulator


async def test_the_first_sign_in_makes_the_account_and_the_next_one_finds_it(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession
) -> None:
    first = await sign_in(client, simulator, "初来的骑手")
    assert first["token_type"] == "Bearer" and first["expires_in"] == 900
    account = first["account"]
    assert account == {"id": account["id"], "kind": "wechat", "status": "active", "created": True, "otp_pending": False}
    again = await sign_in(client, simulator, "初来的骑手")
    assert again["account"] == account | {"created": False}
    assert (await sign_in(client, simulator, "另一位"))["account"]["id"] != account["id"]
    kept = await row(session, "select openid_sealed, openid_index, phone_index from account where id = :id", id=UUID(account["id"]))
    assert kept.openid_sealed and len(kept.openid_index) == 32 and kept.phone_index is None
    sessions = (await client.get(f"{API}/auth/sessions", headers=bearer(again))).json()["items"]
    assert [one["current"] for one in sessions] == [True, False]
    event = await row(session, "select facts, actor_id from audit_event where action = 'auth.sign_in' order by id desc limit 1")
    assert event.facts == {"method": "wechat"}


@pytest.mark.check("S31", part=True)
async def test_a_code_works_once_and_nobody_sends_an_openid(client: httpx.AsyncClient, simulator: RunningSimulator) -> None:
    code = await simulator.code("一次")
    assert (await client.post(f"{API}/auth/wechat", json={"code": code})).status_code == 200
    for bad in (code, "never-minted"):
        refused = await client.post(f"{API}/auth/wechat", json={"code": bad})
        assert (refused.status_code, refused.json()["code"]) == (401, "wechat_code_invalid")
    for body in ({"code": code, "openid": "o123"}, {"openid": "o123"}, {}, {"code": ""}, {"code": 1}):
        assert (await client.post(f"{API}/auth/wechat", json=body)).status_code == 422


async def test_a_suspended_account_is_out_at_once_and_a_cancelling_one_may_come_in(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession
) -> None:
    signed = await sign_in(client, simulator, "停用的")
    account_id = UUID(signed["account"]["id"])
    await auth_service.set_status(session, account_id=account_id, status=AccountStatus.SUSPENDED)
    for answer in (
        await client.get(f"{API}/auth/sessions", headers=bearer(signed)),
        await client.post(f"{API}/auth/refresh", json={"refresh_token": signed["refresh_token"]}),
        await client.post(f"{API}/auth/wechat", json={"code": await simulator.code("停用的")}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended")
    await auth_service.set_status(session, account_id=account_id, status=AccountStatus.CANCELLING)
    assert (await sign_in(client, simulator, "停用的"))["account"]["status"] == "cancelling"


async def test_at_most_five_sessions_live_and_the_oldest_ends(client: httpx.AsyncClient, simulator: RunningSimulator) -> None:
    all_six = [await sign_in(client, simulator, "六台设备") for _ in range(6)]
    answers = [(await client.get(f"{API}/auth/sessions", headers=bearer(one))).status_code for one in all_six]
    assert answers == [401, 200, 200, 200, 200, 200]
    assert (await client.post(f"{API}/auth/refresh", json={"refresh_token": all_six[0]["refresh_token"]})).status_code == 401


async def test_sessions_are_ones_own(client: httpx.AsyncClient, simulator: RunningSimulator, people: People) -> None:
    here, there = [await sign_in(client, simulator, "两台设备") for _ in range(2)]
    stranger = await people.member()
    page = (await client.get(f"{API}/auth/sessions", headers=bearer(here), params={"limit": 1})).json()
    assert len(page["items"]) == 1 and not page["items"][0]["current"]
    rest = (await client.get(f"{API}/auth/sessions", headers=bearer(here), params={"cursor": page["next_cursor"]})).json()
    assert [one["current"] for one in rest["items"]] == [True]
    path = f"{API}/auth/sessions/{page['items'][0]['id']}"
    assert (await client.delete(path, headers=stranger.headers)).status_code == 404
    assert (await client.get(f"{API}/auth/sessions", headers=bearer(there))).status_code == 200
    assert (await client.delete(path, headers=bearer(here))).status_code == 204
    assert (await client.get(f"{API}/auth/sessions", headers=bearer(there))).status_code == 401
    assert (await client.delete(path, headers=bearer(here))).status_code == 404


async def test_logging_out_kills_the_access_token_at_once(client: httpx.AsyncClient, simulator: RunningSimulator) -> None:
    signed = await sign_in(client, simulator, "退出的")
    assert (await client.post(f"{API}/auth/logout", headers=bearer(signed), json={})).status_code == 204
    assert (await client.get(f"{API}/auth/sessions", headers=bearer(signed))).status_code == 401
    assert (await client.post(f"{API}/auth/logout")).status_code == 401


async def test_stepping_up_takes_a_fresh_code_of_the_same_person(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession
) -> None:
    signed = await sign_in(client, simulator, "再验证")
    stepped = await client.post(f"{API}/auth/step-up", headers=bearer(signed), json={"code": await simulator.code("再验证")})
    assert stepped.status_code == 200 and stepped.json()["stepped_up_until"].endswith("Z")
    left = await row(
        session, "select stepped_up_until - clock_timestamp() as rest from auth_session where account_id = :id",
        id=UUID(signed["account"]["id"]),
    )
    assert 290 < left.rest.total_seconds() <= 300
    other = await client.post(f"{API}/auth/step-up", headers=bearer(signed), json={"code": await simulator.code("别人")})
    assert (other.status_code, other.json()["code"]) == (401, "wechat_code_invalid")
    for body in ({}, {"password": "x"}, {"password": "x", "code": "y"}, {"code": "y", "otp": "1"}):
        assert (await client.post(f"{API}/auth/step-up", headers=bearer(signed), json=body)).status_code == 422


@pytest.mark.check("S31", part=True)
async def test_nothing_of_the_person_is_told(client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession) -> None:
    answer = await client.post(f"{API}/auth/wechat", json={"code": await simulator.code("隐私")})
    account = await session.get(Account, UUID(answer.json()["account"]["id"]))
    assert account is not None and account.openid_sealed is not None
    assert "session_key" not in answer.text and "openid" not in answer.text
    assert account.created_at.tzinfo is not None
