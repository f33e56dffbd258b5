"""Quotas, time, bad luck and the newer calls of the simulator; what a person with a browser sees of it."""

import asyncio
import hashlib
import hmac
import re
import time
from typing import Any

import httpx
import pytest

from app.wechat.simulator import page
from tests.wechat.fake import APPID, Fake

SIGN_IN, CHECK, SEND = "/sns/jscode2session", "/wxa/msg_sec_check", "/cgi-bin/message/subscribe/send"
TEMPLATE = "tmpl-0123456789"


def until_midnight(now: float) -> float:
    """In Beijing."""
    return 86_400 - (now + 8 * 3_600) % 86_400


async def test_a_days_quota_begins_again_at_midnight_in_beijing(fake: Fake) -> None:
    asked = {"version": 2, "openid": await fake.openid("张三"), "scene": 2, "content": "好"}
    await fake.order("quotas", path=CHECK, daily=2)

    async def check() -> Any:
        return (await fake.post(CHECK, asked))["errcode"]

    assert [await check() for _ in range(3)] == [0, 0, 45009]
    used = (await fake.post("/cgi-bin/openapi/quota/get", {"cgi_path": CHECK}))["quota"]
    assert used == {"daily_limit": 2, "used": 2, "remain": 0}
    now = (await fake.seen("clock"))["now"]
    await fake.order("clock", advance=until_midnight(now) - 60)
    await fake.order("people", person="张三", visited=0)
    assert await check() == 45009
    await fake.order("clock", advance=120)
    assert [await check() for _ in range(3)] == [0, 0, 45009]
    await fake.order("quotas", path=CHECK, daily=100, minute=1)
    assert [await check() for _ in range(2)] == [0, 45009]  # WeChat says so about too many in a minute, too
    await fake.order("quotas", path="/wxa/generate_urllink", daily=1)
    link = {"jump_wxa": {"path": "pages/index/index", "query": "a=1"}, "is_expire": True, "expire_type": 1, "expire_interval": 30}
    made = [await fake.post("/wxa/generatescheme", link), await fake.post("/wxa/generate_urllink", {"path": "", "query": ""})]
    assert made[0]["openlink"].startswith("weixin://") and made[1]["errcode"] == 45009  # both kinds of links share a day
    assert (await fake.post("/cgi-bin/openapi/quota/get", {"cgi_path": "/no/such"}))["errcode"] == 76021


async def test_one_person_takes_one_message_at_a_time(fake: Fake) -> None:
    await fake.order("manners", latency=0.5)  # long enough for all to be there together on a busy machine
    token, persons = await fake.token(), [await fake.openid(name) for name in ("张三", "张三", "李四")]
    answers = await asyncio.gather(*(
        fake.post(SEND, {"touser": openid, "template_id": TEMPLATE, "data": {"thing1": {"value": "好"}}}, token=token) for openid in persons
    ))
    assert sorted(answer["errcode"] for answer in answers) == [0, 0, 43108] and answers[2]["errcode"] == 0
    assert len((await fake.seen("sent"))["items"]) == 2
    bad = {"touser": persons[0], "template_id": TEMPLATE, "data": {"thing1": {"value": "赌博"}}}
    assert (await fake.post(SEND, bad))["errcode"] == 45168
    await fake.order("templates", template_id=TEMPLATE, keys=["thing1", "phrase2"])
    for data, template, errcode in (
        ({"thing1": "好", "phrase2": "已办结"}, TEMPLATE, 0), ({"thing1": "好"}, TEMPLATE, 47003),
        ({"thing1": "好", "time3": "9:00"}, TEMPLATE, 47003),
        ({"thing1": "好", "phrase2": "已办结"}, TEMPLATE[::-1], 40037),
    ):
        wish = {"touser": persons[0], "template_id": template, "data": {key: {"value": value} for key, value in data.items()}}
        assert (await fake.post(SEND, wish))["errcode"] == errcode


@pytest.mark.parametrize("wish", [{"cut": True}, {"delay": 0.6}])
async def test_an_answer_can_be_lost_after_the_work(fake: Fake, wish: dict[str, Any]) -> None:
    openid, token = await fake.openid("张三"), await fake.token()
    await fake.fault(SEND, **wish)
    body = {"touser": openid, "template_id": TEMPLATE, "data": {"thing1": {"value": "好"}}}
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadTimeout)):
        await fake.http.post(fake.url + SEND, params={"access_token": token}, json=body, timeout=0.3)
    assert len((await fake.seen("sent"))["items"]) == 1


async def test_wechat_is_out_for_half_an_hour_of_its_time(fake: Fake) -> None:
    await fake.fault("*", status=503, seconds=1_800)
    assert [(await fake.get(SIGN_IN)).status_code for _ in range(2)] == [503, 503]
    assert await fake.code("张三")  # the phone is not WeChat
    await fake.order("clock", advance=1_799)
    assert (await fake.get("/cgi-bin/token")).status_code == 503 and len((await fake.seen("faults"))["items"]) == 1
    await fake.order("clock", advance=2)
    assert await fake.openid("张三") and (await fake.seen("faults"))["items"] == []


async def test_bad_luck_in_all_its_forms(fake: Fake) -> None:
    for wish, status, body in (
        ({"status": 200, "body": "<html>portal"}, 200, "<html>portal"), ({"body": "{'x'"}, 200, "{'x'"), ({"status": 302}, 302, "<html>"),
        ({"size": 5 << 20}, 200, '{"x":"x'), ({"errcode": 40164}, 200, '{"errcode": 40164, "errmsg": "invalid ip'),
    ):
        await fake.fault(SIGN_IN, **wish)
        answer = await fake.get(SIGN_IN)
        assert (answer.status_code, answer.text[: len(body)]) == (status, body)
    await fake.fault(SIGN_IN, drip=0.001)
    began = time.monotonic()
    assert (await fake.get(SIGN_IN)).json()["errcode"] == 41002 and time.monotonic() - began > 0.05


async def test_persons_who_are_watched_or_blocked(fake: Fake) -> None:
    openid = await fake.openid("张三")
    asked = {"appid": APPID, "openid": openid, "scene": 0, "client_ip": "192.0.2.1"}
    path = "/wxa/getuserriskrank"
    assert (await fake.post(path, asked))["risk_rank"] == 0
    assert await fake.order("people", person="张三", risk_rank=4, blocked=True) == {
        "openid": openid, "risk_rank": 4, "blocked": True, "muted": False,
    }
    assert (await fake.post(path, asked))["risk_rank"] == 4
    for wrong, errcode in (({"appid": "x"}, 40013), ({"openid": "x"}, 40003), ({"scene": 3}, 40129), ({"client_ip": ""}, 40097)):
        assert (await fake.post(path, asked | wrong))["errcode"] == errcode
    refused = await fake.get(SIGN_IN, appid=APPID, secret="f" * 32, js_code=await fake.code("张三"), grant_type="authorization_code")
    assert refused.json()["errcode"] == 40226
    await fake.order("people", person="张三", visited=7_300)
    assert (await fake.post(path, asked))["errcode"] == 61010


async def test_links_need_a_released_program_and_an_end(fake: Fake) -> None:
    now = int((await fake.seen("clock"))["now"])
    scheme = {"jump_wxa": {"path": "pages/index/index", "query": "a=1"}, "is_expire": True, "expire_type": 0, "expire_time": now + 3_600}
    assert (await fake.post("/wxa/generatescheme", scheme))["openlink"]
    for wrong, errcode in (
        ({"is_expire": False}, 85400), ({"expire_time": now * 1_000}, 85401), ({"expire_type": 1, "expire_interval": 31}, 85401),
        ({"jump_wxa": {"query": "中文"}}, 40212), ({"jump_wxa": {"path": "/x"}}, 40165), ({"jump_wxa": 1}, 47001),
    ):
        assert (await fake.post("/wxa/generatescheme", scheme | wrong))["errcode"] == errcode
    await fake.order("manners", published=False)
    assert (await fake.post("/wxa/generatescheme", scheme))["errcode"] == 85079
    code = {"scene": "s=AB12", "page": "pages/store/index"}
    assert (await fake.post("/wxa/getwxacodeunlimit", code))["errcode"] == 41030


async def test_a_session_key_is_replaced_for_whoever_has_it(fake: Fake) -> None:
    code = await fake.code("张三")
    session = (await fake.get(SIGN_IN, appid=APPID, secret="f" * 32, js_code=code, grant_type="authorization_code")).json()
    signature = hmac.new(session["session_key"].encode(), b"", hashlib.sha256).hexdigest()
    asked = {"access_token": await fake.token(), "openid": session["openid"], "signature": signature, "sig_method": "hmac_sha256"}
    fresh = (await fake.get("/wxa/resetusersessionkey", **asked)).json()
    assert fresh["openid"] == session["openid"] and fresh["session_key"] != session["session_key"]
    assert (await fake.get("/wxa/checksession", **asked)).json()["errcode"] == 87009


async def test_the_page_shows_every_control_and_nothing_of_the_secret(fake: Fake) -> None:
    answer = await fake.get("/_simulator")
    assert answer.headers["content-type"].startswith("text/html") and APPID in answer.text and "f" * 32 not in answer.text
    for name in page.LISTS:
        assert (await fake.get(f"/_simulator/{name}")).status_code == 200
    for path in re.findall(r'id="wish-(\w+)"', answer.text):
        assert (await fake.http.post(f"{fake.url}/_simulator/{path}", json={"no": "such"})).status_code == 422
    assert (await fake.http.get(f"{fake.url}/_simulator/no_such")).status_code == 404
