"""The simulator speaks as WeChat's documentation says: paths, codes that serve once, errors, limits."""

import asyncio
import hashlib
import hmac
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from app.wechat.simulator import create_app, people
from app.wechat.simulator.protocol import Asked
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import World
from tests.wechat.fake import APPID, SECRET, Fake, serving

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "tmpl-0123456789"


async def sign_in(fake: Fake, code: str, **other: Any) -> Any:
    asked = {"appid": APPID, "secret": SECRET, "js_code": code, "grant_type": "authorization_code", **other}
    answer = await fake.get("/sns/jscode2session", **asked)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    return answer.json()


async def test_a_login_code_serves_once_and_five_minutes(fake: Fake) -> None:
    code, late = await fake.code("张三"), await fake.code("张三")
    first = await sign_in(fake, code)
    assert set(first) == {"openid", "session_key"} and len(first["openid"]) == 28
    assert (await sign_in(fake, code))["errcode"] == 40163
    assert (await sign_in(fake, "no-such-code"))["errcode"] == 40029
    assert (await sign_in(fake, await fake.phone_code("张三")))["errcode"] == 40029
    fake.lapse = 301
    assert (await sign_in(fake, late))["errcode"] == 40029
    assert (await sign_in(fake, await fake.code("李四")))["openid"] != first["openid"]


async def test_who_asks_must_be_the_mini_program(fake: Fake) -> None:
    code = await fake.code("张三")
    for other, errcode in (
        ({"appid": ""}, 41002), ({"appid": "wx"}, 40013), ({"secret": ""}, 41004), ({"secret": "x"}, 40125), ({"grant_type": "x"}, 40002),
        ({"js_code": ""}, 41008),
    ):
        refused = await sign_in(fake, code, **other)
        assert refused["errcode"] == errcode and "rid: " in refused["errmsg"]
    assert "openid" in await sign_in(fake, code)


def test_the_hundred_and_first_sign_in_of_a_minute_is_too_fast_for_that_person_only() -> None:
    world = World(APPID, SECRET, lambda: 0.0)

    def sign_in_as(person: str) -> Any:
        code = world.mint_code(person, kind="login", phone=None, country="86")
        asked = {"appid": APPID, "secret": SECRET, "js_code": code, "grant_type": "authorization_code"}
        return people.code_to_session(world, Asked(asked, {}))

    for _ in range(100):
        assert "openid" in sign_in_as("张三")
    with pytest.raises(Refusal, match="45011"):
        sign_in_as("张三")
    assert "openid" in sign_in_as("李四")
    world.lapse = 61
    assert "openid" in sign_in_as("张三")


async def test_a_person_has_the_same_openid_after_a_restart_and_another_one_elsewhere(fake: Fake) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    async with serving(create_app(APPID, SECRET)) as again, serving(create_app("wx0000000000000000", SECRET)) as elsewhere:
        for url, appid in ((again, APPID), (elsewhere, "wx0000000000000000")):
            other = Fake()
            other.url = url
            async with other.http:
                found = (await sign_in(other, await other.code("张三"), appid=appid))["openid"]
            assert (found == openid) is (url == again)


async def test_the_stable_token_stays_until_its_last_five_minutes(fake: Fake) -> None:
    asked = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    answer = (await fake.http.post(f"{fake.url}/cgi-bin/stable_token", json=asked)).json()
    first = answer["access_token"]
    assert 7_190 < answer["expires_in"] <= 7_200 and "errcode" not in answer
    assert await fake.token() == first
    fake.lapse = 6_950
    second = await fake.token()
    assert second != first
    for token in (first, second):
        assert (await fake.post("/wxa/business/getuserphonenumber", {"code": "x"}, token=token))["errcode"] == 40029
    fake.lapse = 7_201
    assert (await fake.post("/wxa/business/getuserphonenumber", {"code": "x"}, token=first))["errcode"] == 42001
    for wrong, errcode in (({"secret": "x"}, 40125), ({"appid": "x"}, 40013), ({"grant_type": "x"}, 40002)):
        assert (await fake.http.post(f"{fake.url}/cgi-bin/stable_token", json=asked | wrong)).json()["errcode"] == errcode
    forced = asked | {"force_refresh": True}
    assert (await fake.http.post(f"{fake.url}/cgi-bin/stable_token", json=forced)).json()["access_token"] != second
    assert (await fake.post("/wxa/business/getuserphonenumber", {"code": "x"}, token=second))["errcode"] == 42001
    assert (await fake.http.post(f"{fake.url}/cgi-bin/stable_token", json=forced)).json()["errcode"] == 45011


async def test_each_classic_token_ends_the_one_before(fake: Fake) -> None:
    asked = {"grant_type": "client_credential", "appid": APPID, "secret": SECRET}
    first, second = [(await fake.get("/cgi-bin/token", **asked)).json()["access_token"] for _ in range(2)]
    fake.lapse = 301
    for token, errcode in ((first, 42001), (second, 40029)):
        assert (await fake.post("/wxa/business/getuserphonenumber", {"code": "x"}, token=token))["errcode"] == errcode


async def test_manners(fake: Fake) -> None:
    path = "/wxa/business/getuserphonenumber"
    assert (await fake.get(path, access_token="x")).json()["errcode"] == 43002
    assert (await fake.http.post(f"{fake.url}/sns/jscode2session")).json()["errcode"] == 43001
    assert (await fake.http.post(fake.url + path, json={})).json()["errcode"] == 41001
    assert (await fake.post(path, {"code": "x"}, token="y"))["errcode"] == 40001
    for body, errcode in ((b"", 44002), (b"{", 47001), (b"[]", 47001), (b"[" * 100_000, 47001), (b'{"code":[]}', 47001)):
        answer = await fake.http.post(fake.url + path, params={"access_token": await fake.token()}, content=body)
        assert (answer.status_code, answer.json()["errcode"]) == (200, errcode)
    assert (await fake.get("/wxa/no_such")).json()["errcode"] == 40066
    assert (await fake.http.post(f"{fake.url}/_simulator/codes", json={"person": "", "kind": "login"})).status_code == 422


async def test_a_phone_code_gives_that_persons_number_once(fake: Fake) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    path, code = "/wxa/business/getuserphonenumber", await fake.phone_code("张三", "13800138000")
    assert (await fake.post(path, {"code": code, "openid": "o" * 28}))["errcode"] == 40003
    info = (await fake.post(path, {"code": code, "openid": openid}))["phone_info"]
    assert (info["purePhoneNumber"], info["countryCode"], info["watermark"]["appid"]) == ("13800138000", "86", APPID)
    assert (await fake.post(path, {"code": code}))["errcode"] == 40029
    assert (await fake.post(path, {"code": await fake.code("张三")}))["errcode"] == 40029
    own = [(await fake.post(path, {"code": await fake.phone_code("李四")}))["phone_info"]["purePhoneNumber"] for _ in range(2)]
    assert own[0] == own[1] and len(own[0]) == 11


async def test_session_keys_are_checked_by_their_signature(fake: Fake) -> None:
    session = await sign_in(fake, await fake.code("张三"))
    right = hmac.new(session["session_key"].encode(), b"", hashlib.sha256).hexdigest()
    token = await fake.token()
    for signature, method, errcode in ((right, "hmac_sha256", 0), (right[::-1], "hmac_sha256", 87009), (right, "md5", 87008)):
        answer = await fake.get("/wxa/checksession", access_token=token, openid=session["openid"], signature=signature, sig_method=method)
        assert answer.json()["errcode"] == errcode


async def test_pictures_are_real(fake: Fake) -> None:
    url, params = f"{fake.url}/wxa/getwxacodeunlimit", {"access_token": await fake.token()}
    body = {"scene": "s=AB12", "page": "pages/store/index", "width": 430, "check_path": False, "env_version": "release"}
    answer = await fake.http.post(url, params=params, json=body)
    assert answer.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(answer.content), formats=["PNG"]) as image:
        assert 280 <= image.width == image.height <= 430
    for wrong, errcode in (
        ({"scene": "场景"}, 40169), ({"scene": "x" * 33}, 40169), ({"scene": "a%20"}, 40169), ({"page": "/pages/x"}, 41030),
        ({"width": 9}, 40097), ({"env_version": "x"}, 40097),
    ):
        assert (await fake.http.post(url, params=params, json=body | wrong)).json()["errcode"] == errcode


@pytest.mark.parametrize(
    ("key", "value", "good"),
    [
        ("thing1", "街道上井盖缺失已经处理完成请您查看", True), ("thing1", "长" * 21, False), ("thing1", "", False),
        ("thing1", "两\n行", False), ("thing1", " 空格", False), ("time2", "2019年10月1日 15:01", True),
        ("time2", "2019-10-01 25:01", False), ("date3", "2019年10月1日", True), ("date3", "明天", False),
        ("amount4", "￥12.50元", True), ("amount4", "十二元", False), ("number5", "12.5", True), ("number5", "x", False),
        ("phrase6", "已通过", True), ("phrase6", "已通过审核了", False), ("phrase6", "ok", False),
        ("character_string7", "R20261122-000017", True), ("character_string7", "编号", False), ("name8", "张三", True),
        ("name8", "三" * 11, False), ("phone_number9", "138****8000", True), ("unknown1", "x", False), ("thing", "x", False),
    ],
)
async def test_values_of_subscription_messages(fake: Fake, key: str, value: str, good: bool) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    asked = {"touser": openid, "template_id": TEMPLATE, "data": {key: {"value": value}}, "miniprogram_state": "formal", "lang": "zh_CN"}
    answer = await fake.post("/cgi-bin/message/subscribe/send", asked)
    assert answer["errcode"] == (0 if good else 47003)
    assert good or f"data.{key}.value" in answer["errmsg"]
    assert len((await fake.seen("sent"))["items"]) == int(good)


async def test_subscription_messages_end_with_the_permission(fake: Fake) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    path, asked = "/cgi-bin/message/subscribe/send", {"touser": openid, "template_id": TEMPLATE, "data": {"thing1": {"value": "好"}}}
    wish = {"person": "张三", "template_id": TEMPLATE, "count": 1}
    assert (await fake.http.post(f"{fake.url}/_simulator/permissions", json=wish)).status_code == 204
    assert [(await fake.post(path, asked))["errcode"] for _ in range(2)] == [0, 43101]
    for wrong, errcode in (
        ({"touser": "o" * 28}, 40003), ({"template_id": "x"}, 40037), ({"page": "/x"}, 41030),
        ({"data": '{"thing1":{"value":"好"}}'}, 47003),
    ):
        assert (await fake.post(path, asked | wrong))["errcode"] == errcode


async def test_text_is_judged_by_its_words(fake: Fake) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    asked = {"version": 2, "openid": openid, "scene": 2, "content": "楼道里电动车充电"}
    for text, suggest in (("楼道里电动车充电", "pass"), ("有人游行", "review"), ("赌博和游行", "risky")):
        answer = await fake.post("/wxa/msg_sec_check", asked | {"content": text})
        assert answer["result"]["suggest"] == suggest and answer["trace_id"]
    for wrong, errcode in (
        ({"content": ""}, 44002), ({"content": "x" * 2_501}, 45002), ({"scene": 5}, 40129), ({"version": 1}, 40097),
        ({"openid": "x"}, 40003),
    ):
        assert (await fake.post("/wxa/msg_sec_check", asked | wrong))["errcode"] == errcode
    fake.lapse = 7_300
    assert (await fake.post("/wxa/msg_sec_check", asked))["errcode"] == 61010


async def test_media_checks_and_links(fake: Fake) -> None:
    openid = (await sign_in(fake, await fake.code("张三")))["openid"]
    asked = {"version": 2, "openid": openid, "scene": 2, "media_type": 2, "media_url": "https://example.cn/p.jpg?sig=1"}
    answer = await fake.post("/wxa/media_check_async", asked)
    assert [one["trace_id"] for one in (await fake.seen("media_checks"))["items"]] == [answer["trace_id"]]
    assert (await fake.post("/wxa/media_check_async", asked | {"media_url": "ftp://x"}))["errcode"] == 40097
    link = {"path": "pages/index/index", "query": "a=1", "expire_type": 1, "expire_interval": 30}
    assert (await fake.post("/wxa/generate_urllink", link))["url_link"].startswith("https://wxaurl.cn/")
    for wrong, errcode in (({"expire_interval": 31}, 85401), ({"query": "中文"}, 40212), ({"path": "/x"}, 40165)):
        assert (await fake.post("/wxa/generate_urllink", link | wrong))["errcode"] == errcode


async def test_faults_last_as_long_as_they_were_ordered(fake: Fake) -> None:
    code = await fake.code("张三")
    await fake.fault("/sns/jscode2session", errcode=-1, times=2)
    assert [(await sign_in(fake, code)).get("errcode") for _ in range(3)] == [-1, -1, None]
    await fake.fault("/sns/jscode2session", status=502, times=None)
    for _ in range(2):
        assert (await fake.get("/sns/jscode2session")).status_code == 502
    assert (await fake.http.delete(f"{fake.url}/_simulator/faults")).status_code == 204
    assert (await sign_in(fake, code))["errcode"] == 40163
    assert (await fake.seen("calls"))["/sns/jscode2session"] == 6


async def test_it_runs_as_a_process_of_its_own() -> None:
    environment = {
        "PATH": os.defpath, "XINXIN_WECHAT_APPID": APPID, "XINXIN_WECHAT_SECRET": SECRET, "XINXIN_WECHAT_PUSH_TOKEN": "AAAAA,BBBBB",
        "XINXIN_PUBLIC_BASE_URL": "http://127.0.0.1:9",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.wechat.simulator", "--port", "0", cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        said = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        fake = Fake()
        fake.url = said.removeprefix("simulator ").strip()
        async with fake.http:
            assert "openid" in await sign_in(fake, await fake.code("张三"))
            assert (await sign_in(fake, "unknown"))["errcode"] == 40029
            assert await fake.order("push/verify") == {"verified": False}  # it knows whom to tell, but nobody is there
        process.send_signal(signal.SIGTERM)
        rest = (await asyncio.wait_for(process.communicate(), 20))[0].decode()
        assert SECRET not in said + rest and "openid" not in rest
        async with httpx.AsyncClient() as http:
            with pytest.raises(httpx.ConnectError):
                await http.get(fake.url, timeout=2)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
