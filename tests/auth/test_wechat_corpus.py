"""S31 as a row: whatever WeChat or somebody in its name says, there is one account, a clear refusal, and no session_key anywhere."""

import json
import logging
import secrets
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import structlog

from app.db.session import AsyncSession
from app.wechat import answers
from app.wechat.answers import Session
from app.wechat.transport import Answer
from tests.auth.calls import API, bearer, row, sign_in
from tests.support.simulator import RunningSimulator

SIGN_IN, PHONE = "/sns/jscode2session", "/wxa/business/getuserphonenumber"
NUMBER = "13800138000"
# What WeChat may answer to a code, and what we say then.
ANSWERS: list[tuple[dict[str, Any], tuple[int, str]]] = [
    ({"errcode": 40029}, (401, "wechat_code_invalid")), ({"errcode": 40163}, (401, "wechat_code_invalid")),
    ({"errcode": 40226}, (403, "wechat_account_blocked")), ({"errcode": 40013}, (502, "wechat_unavailable")),
    ({"errcode": 40125}, (502, "wechat_unavailable")), ({"errcode": 45011}, (502, "wechat_unavailable")),
    ({"errcode": 99999}, (502, "wechat_unavailable")), ({"body": "{}"}, (502, "wechat_unavailable")),
    ({"body": '{"openid": 7, "session_key": "k"}'}, (502, "wechat_unavailable")), ({"body": "<html>"}, (502, "wechat_unavailable")),
    ({"status": 302}, (502, "wechat_unavailable")), ({"cut": True}, (502, "wechat_unavailable")),
]


async def spoil(simulator: RunningSimulator, path: str, **fault: Any) -> None:
    (await simulator.http.post("/_simulator/faults", json={"path": path, "times": None} | fault)).raise_for_status()


async def mend(simulator: RunningSimulator) -> None:
    (await simulator.http.delete("/_simulator/faults")).raise_for_status()


async def accounts(session: AsyncSession) -> int:
    return int((await row(session, "select count(*) as n from account where kind = 'wechat'")).n)


@pytest.mark.check("S31")
async def test_every_answer_of_wechat_is_a_refusal_that_makes_no_account(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession
) -> None:
    before, heard = await accounts(session), []
    try:
        for fault, _ in ANSWERS:
            await spoil(simulator, SIGN_IN, **fault)
            answer = await client.post(f"{API}/auth/wechat", json={"code": await simulator.code("无账号的人")})
            heard.append((answer.status_code, answer.json()["code"]))
            await mend(simulator)
    finally:
        await mend(simulator)
    assert heard == [said for _, said in ANSWERS]
    assert await accounts(session) == before
    await sign_in(client, simulator, "无账号的人")
    await sign_in(client, simulator, "无账号的人")
    assert await accounts(session) == before + 1


async def bound(client: httpx.AsyncClient, signed: dict[str, Any], code: str) -> tuple[int, str]:
    answer = await client.post(f"{API}/members/me/phone", headers=bearer(signed), json={"code": code})
    return answer.status_code, str(answer.json().get("code"))


@pytest.mark.check("S31")
async def test_a_number_is_taken_from_its_own_person_and_for_our_program_only(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession
) -> None:
    mine, refused = await sign_in(client, simulator, "绑定的人"), (401, "wechat_code_invalid")
    assert await bound(client, mine, await simulator.phone_code("别人", NUMBER)) == refused, "another's code"
    assert await bound(client, mine, await simulator.code("绑定的人")) == refused, "a code of the other kind"
    now = int((await simulator.http.get("/_simulator/clock")).json()["now"])
    for appid, age in (("wx0000000000000000", 0), (simulator.appid, 400), (None, 0)):
        info = {"purePhoneNumber": NUMBER, "countryCode": "86", "watermark": {"timestamp": now - age, "appid": appid}}
        await spoil(simulator, PHONE, body=json.dumps({"errcode": 0, "phone_info": info}))
        try:
            assert await bound(client, mine, "x") == refused, (appid, age)
        finally:
            await mend(simulator)
    assert (await row(session, "select count(*) as n from account where phone_index is not null")).n == 0
    code = await simulator.phone_code("绑定的人", NUMBER)
    assert (await bound(client, mine, code))[0] == 200
    assert await bound(client, mine, code) == refused, "the same code twice"
    other = await sign_in(client, simulator, "同号的人")
    assert await bound(client, other, await simulator.phone_code("同号的人", NUMBER)) == (409, "already_exists"), "one number, one account"
    for body in ({"code": "x", "openid": "o1"}, {"phone": NUMBER}):
        assert (await client.post(f"{API}/members/me/phone", headers=bearer(mine), json=body)).status_code == 422


async def everything_kept(session: AsyncSession) -> str:
    """Every row of every table, as text; bytes as hexadecimal digits."""
    connection = await session.connection()
    tables = await connection.execute(sa.text("select relname from pg_stat_user_tables where schemaname = 'public'"))
    texts = []
    for (name,) in tables.all():
        rows = await connection.execute(sa.text(f'select string_agg(t::text, chr(10)) from "{name}" t'))
        texts.append(rows.scalar_one() or "")
    return "\n".join(texts)


def silent(key: str, *said: str) -> None:
    """Judge: the key stands nowhere, in no spelling of a row."""
    forms = {key, key.encode().hex(), key[:12]}
    assert not [form for form in forms for text in said if form in text]


async def signed_with(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession, key: str, caplog: pytest.LogCaptureFixture
) -> list[str]:
    """All that comes of a sign-in in which WeChat gave this session_key, and of one that it spoilt: answers, logs, tables."""
    caplog.set_level(logging.DEBUG)
    body = {"session_key": key, "openid": f"oSessionKey{secrets.token_hex(8)}", "unionid": "u1"}
    with structlog.testing.capture_logs() as events:
        heard = []
        for broken in (body, body | {"openid": 7}, body | {"errcode": 40163}):
            await spoil(simulator, SIGN_IN, body=json.dumps(broken))
            try:
                answer = await client.post(f"{API}/auth/wechat", json={"code": "a-code-of-wechat"})
            finally:
                await mend(simulator)
            heard.append(answer)
        assert [answer.status_code for answer in heard] == [200, 502, 401]
        mine = [await client.get(f"{API}/{path}", headers=bearer(heard[0].json())) for path in ("auth/sessions", "members/me")]
    texts = [answer.text + str(answer.headers) for answer in (*heard, *mine)]
    return [*texts, repr(events), caplog.text, await everything_kept(session)]


@pytest.mark.check("S31")
async def test_the_session_key_ends_where_it_arrives(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    key = secrets.token_urlsafe(18)
    said = await signed_with(client, simulator, session, key, caplog)
    silent(key, *said, *capfd.readouterr())


@pytest.mark.variant("S31")
async def test_a_session_key_that_is_kept_is_found(
    client: httpx.AsyncClient, simulator: RunningSimulator, session: AsyncSession, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The known-bad variant: whoever reads WeChat's answer writes it down."""
    honest, key = answers.session, secrets.token_urlsafe(18)

    def talkative(answer: Answer) -> Session:
        logging.getLogger("talkative").warning("signed in: %s", answer.data)
        return honest(answer)

    monkeypatch.setattr(answers, "session", talkative)
    said = await signed_with(client, simulator, session, key, caplog)
    with pytest.raises(AssertionError):
        silent(key, *said)
