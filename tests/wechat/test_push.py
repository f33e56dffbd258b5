"""`/wechat/push`: what is WeChat's and new is stored once with its job; everything else is refused and leaves nothing."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

import app.handlers  # noqa: F401 - fills the registry
from app.db.session import Database
from app.jobs.registry import HANDLERS
from app.settings import Settings
from app.wechat import crypto, push, queries
from app.wechat.jobs import sweep
from tests.wechat.fake import APPID
from tests.wechat.receiving import AES_KEY, TOKEN, jobs, kept, receiver

OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ0"
CHECK = {
    "ToUserName": "gh_1", "FromUserName": OPENID, "CreateTime": 1714112445, "MsgType": "event", "Event": "wxa_media_check",
    "trace_id": "60ae120f-371d5872", "version": 2, "result": {"suggest": "pass", "label": "100"}, "detail": [],
}
OPEN_IN_XML = (
    f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{OPENID}]]></FromUserName><CreateTime>1620973045</CreateTime>"
    "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe_msg_popup_event]]></Event><SubscribeMsgPopupEvent>"
    "<List><TemplateId><![CDATA[T1]]></TemplateId><SubscribeStatusString><![CDATA[accept]]></SubscribeStatusString></List>"
    "<List><TemplateId><![CDATA[T2]]></TemplateId><SubscribeStatusString><![CDATA[reject]]></SubscribeStatusString></List>"
    "</SubscribeMsgPopupEvent></xml>"
).encode()


class WeChat:
    """WeChat's side of the push: it signs, and in safe mode seals."""

    def __init__(self, http: httpx.AsyncClient, *, safe: bool) -> None:
        self.http, self.safe = http, safe

    def query(self, nonce: str = "1", *, at: float | None = None, encrypted: str | None = None) -> dict[str, str]:
        timestamp = str(int(time.time() if at is None else at))
        parts = (TOKEN, timestamp, nonce)
        signed = {"signature": crypto.signature(*parts), "timestamp": timestamp, "nonce": nonce, "openid": OPENID}
        return signed if encrypted is None else signed | {"encrypt_type": "aes", "msg_signature": crypto.signature(*parts, encrypted)}

    async def push(
        self, message: Any, nonce: str = "1", *, at: float | None = None, appid: str = APPID, forged: dict[str, str] | None = None
    ) -> httpx.Response:
        raw = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
        encrypted = crypto.encrypt(raw, aes_key=AES_KEY, appid=appid) if self.safe else None
        body = raw if encrypted is None else json.dumps({"ToUserName": "gh_1", "Encrypt": encrypted}).encode()
        return await self.send(body, **self.query(nonce, at=at, encrypted=encrypted) | (forged or {}))

    async def send(self, body: bytes, **query: str) -> httpx.Response:
        return await self.http.post("/wechat/push", params=query, content=body)


@pytest.fixture(params=["plain", "safe"])
async def wechat_side(request: pytest.FixtureRequest, push_database: Database) -> AsyncIterator[WeChat]:
    async with speaking(push_database, token=TOKEN, safe=request.param == "safe") as http:
        yield WeChat(http, safe=request.param == "safe")


def speaking(database: Database, *, token: str | None, safe: bool, key: str = AES_KEY) -> httpx.AsyncClient:
    app = receiver(database, token=token, aes_key=key if safe else None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")


def accepted(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and answer.text == "success" and answer.headers["content-type"].startswith("text/plain")


def refused(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and answer.json()["code"] == "forbidden"


async def test_the_address_is_proved_to_wechat(wechat_side: WeChat) -> None:
    right = wechat_side.query("1514711492")
    answer = await wechat_side.http.get("/wechat/push", params=right | {"echostr": "4375120948345356249"})
    assert (answer.status_code, answer.text) == (200, "4375120948345356249")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in (
        right | {"signature": right["signature"][::-1]}, right | {"nonce": "2"}, {}, wechat_side.query(at=time.time() - 301),
        wechat_side.query(at=time.time() + 360), right | {"timestamp": "x"},
    ):
        assert refused(await wechat_side.http.get("/wechat/push", params=wrong | {"echostr": "1"}))


async def test_without_a_token_there_is_nothing_here(push_database: Database) -> None:
    async with speaking(push_database, token=None, safe=False) as http:
        silent = WeChat(http, safe=False)
        assert (await http.get("/wechat/push", params=silent.query())).status_code == 404
        assert (await silent.push(CHECK)).status_code == 404


async def test_an_event_is_stored_once_with_one_job_however_often_it_comes(wechat_side: WeChat, push_database: Database) -> None:
    first = wechat_side.query("1")["timestamp"]
    assert accepted(await wechat_side.push(CHECK, "1", at=int(first)))
    assert accepted(await wechat_side.push(CHECK, "1", at=int(first)))  # the same delivery
    assert accepted(await wechat_side.push(CHECK, "2"))  # sent again by WeChat
    ((name, payload),) = await kept(push_database)
    assert name == "wxa_media_check" and payload["result"] == {"suggest": "pass", "label": "100"}
    assert OPENID not in json.dumps(payload)
    ((job, facts),) = await jobs(push_database)
    assert job == "wechat.push.wxa_media_check"
    async with push_database.reader() as reader:
        event = await queries.pushed_event(reader, event_id=UUID(facts["event_id"]))
    assert event is not None and (event.name, event.openid) == (name, OPENID) and OPENID not in repr(event)

    assert accepted(await wechat_side.push(CHECK | {"trace_id": "another"}, "3"))
    assert len(await kept(push_database)) == len(await jobs(push_database)) == 2


@pytest.mark.check("S31", part=True)
async def test_a_repeat_under_another_body_is_refused(wechat_side: WeChat, push_database: Database) -> None:
    at = int(time.time())
    assert accepted(await wechat_side.push(CHECK, "1", at=at))
    assert refused(await wechat_side.push(CHECK | {"trace_id": "another"}, "1", at=at))
    assert refused(await wechat_side.push(CHECK | {"result": {"suggest": "risky"}}, "2"))  # the same event, said otherwise
    assert accepted(await wechat_side.push(CHECK | {"trace_id": "another"}, "2"))  # the refusal has used nothing up
    assert len(await jobs(push_database)) == 2


@pytest.mark.check("S31", part=True)
async def test_old_and_forged_pushes_leave_nothing(wechat_side: WeChat, push_database: Database) -> None:
    now = time.time()
    for off in (-301, 302):
        assert refused(await wechat_side.push(CHECK, at=now + off))
    nothing, zeros = ({"signature": wrong, "msg_signature": wrong} for wrong in ("", "0" * 40))
    for forged in ({"timestamp": str(int(now) - 1)}, nothing, zeros):
        assert refused(await wechat_side.push(CHECK, forged=forged))
    for nonce in ("两", "", "x" * 129):
        assert refused(await wechat_side.push(CHECK, nonce))
    assert refused(await wechat_side.send(json.dumps(CHECK).encode()))
    assert await kept(push_database) == await jobs(push_database) == []
    for near in (-298, 298):
        assert accepted(await wechat_side.push(CHECK, at=now + near))


@pytest.mark.check("S31", part=True)
async def test_with_a_key_only_what_was_sealed_for_us_is_taken(push_database: Database) -> None:
    async with speaking(push_database, token=TOKEN, safe=True) as http:
        wechat_side, plain = WeChat(http, safe=True), WeChat(http, safe=False)
        assert refused(await plain.push(CHECK))
        assert refused(await wechat_side.push(CHECK, appid="wx0000000000000000"))
        assert refused(await wechat_side.push(CHECK, forged={"msg_signature": ""}))
        assert refused(await plain.push({"Encrypt": crypto.encrypt(b"{}", aes_key=AES_KEY, appid=APPID)}))
        garbled = "A" * 64  # signed rightly, sealed wrongly
        assert refused(await plain.send(json.dumps({"Encrypt": garbled}).encode(), **plain.query(encrypted=garbled)))
        assert await kept(push_database) == []
        sealed = crypto.encrypt(OPEN_IN_XML, aes_key=AES_KEY, appid=APPID)
        xml = f"<xml><ToUserName><![CDATA[gh_1]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
        assert accepted(await plain.send(xml, **plain.query(encrypted=sealed)))
        assert [name for name, _ in await kept(push_database)] == ["subscribe_msg_popup_event"]


async def test_xml_is_read_as_json_is(wechat_side: WeChat, push_database: Database) -> None:
    assert accepted(await wechat_side.push(OPEN_IN_XML))
    ((name, payload),) = await kept(push_database)
    assert name == "subscribe_msg_popup_event"
    assert payload["SubscribeMsgPopupEvent"]["List"] == [
        {"TemplateId": "T1", "SubscribeStatusString": "accept"}, {"TemplateId": "T2", "SubscribeStatusString": "reject"},
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b'"x"', b"{}", b"[" * 50_000, b"<xml>", b"<xml>x</xml>", b"\xff\xfe", b'{"MsgType":"event","Event":"a b"}',
        b'{"MsgType":"event","Event":7}', b'{"MsgType":"event","Event":"wxa_media_check","x":NaN}',
        b'{"MsgType":"event","Event":"wxa_media_check","x":"\\ud800"}', b'{"MsgType":"event","Event":"wxa_media_check","x":"\\u0000"}',
        b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><xml><Event>&b;</Event></xml>',
        b"<!DOCTYPE xml><xml><MsgType>event</MsgType><Event>wxa_media_check</Event></xml>",
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Event>&a;</Event></xml>',
    ],
)
async def test_what_cannot_be_read_is_no_error_of_ours(wechat_side: WeChat, push_database: Database, body: bytes) -> None:
    answer = await wechat_side.push(body)
    assert answer.status_code in (400, 422), answer.text
    assert await kept(push_database) == await jobs(push_database) == []


async def test_what_nobody_handles_is_stored_without_its_content_and_without_a_job(wechat_side: WeChat, push_database: Database) -> None:
    said = {"ToUserName": "gh_1", "FromUserName": OPENID, "CreateTime": 1, "MsgType": "text", "Content": "我的电话 13800138000", "MsgId": 7}
    assert accepted(await wechat_side.push(said, "1"))
    assert accepted(await wechat_side.push(CHECK | {"Event": "user_enter_tempsession"}, "2"))
    stored = await kept(push_database)
    assert stored[0] == ("text", {"MsgType": "text", "CreateTime": 1, "MsgId": 7})
    assert stored[1][0] == "user_enter_tempsession" and "result" not in stored[1][1]
    assert await jobs(push_database) == []


def test_every_event_that_becomes_a_job_has_a_handler_and_the_other_way_round() -> None:
    assert {f"wechat.push.{event}" for event in push.HANDLED} == {name for name in HANDLERS if name.startswith("wechat.push.")}


async def test_an_event_has_its_effect_once_however_many_runs_take_it(wechat_side: WeChat, push_database: Database) -> None:
    assert accepted(await wechat_side.push(CHECK))
    [(_, facts)] = await jobs(push_database)
    effects: list[str | None] = []

    async def run(take: Any = push.claim, *, fails: bool = False) -> None:
        async with push_database.transaction() as session:
            event = await take(session, event_id=UUID(facts["event_id"]))
            if fails:
                raise LookupError
            effects.extend([] if event is None else [event.openid])

    with pytest.raises(LookupError):
        await run(fails=True)  # the run that died has taken nothing
    await asyncio.gather(*(run() for _ in range(6)))
    assert effects == [OPENID]
    await asyncio.gather(*(run(queries.pushed_event) for _ in range(2)))
    assert len(effects) == 3  # who only reads has the effect again


async def test_the_former_token_and_key_are_good_while_they_are_being_changed(push_database: Database) -> None:
    new_token, new_key = "BBBBB", AES_KEY[::-1]
    for safe in (True, False):
        async with speaking(push_database, token=f"{new_token}, {TOKEN}", safe=safe, key=f"{new_key},{AES_KEY}") as http:
            assert accepted(await WeChat(http, safe=safe).push(CHECK | {"trace_id": f"former {safe}"}, f"f{safe}"))
        async with speaking(push_database, token=new_token, safe=safe, key=new_key) as http:
            assert refused(await WeChat(http, safe=safe).push(CHECK | {"trace_id": f"later {safe}"}, f"l{safe}"))
    async with speaking(push_database, token=TOKEN, safe=True, key=new_key) as http:  # signed rightly, the key is gone
        assert refused(await WeChat(http, safe=True).push(CHECK | {"trace_id": "later"}, "later"))


async def test_in_compatible_mode_the_sealed_copy_is_left_out(push_database: Database) -> None:
    async with speaking(push_database, token=TOKEN, safe=False) as http:
        for nonce in ("1", "2"):
            sealed = crypto.encrypt(json.dumps(CHECK).encode(), aes_key=AES_KEY, appid=APPID)
            assert accepted(await WeChat(http, safe=False).push(CHECK | {"Encrypt": sealed}, nonce))
        assert refused(await WeChat(http, safe=False).push(CHECK | {"Encrypt": "x", "version": 3}, "3"))
    [(_, payload)] = await kept(push_database)
    assert "Encrypt" not in payload and payload["trace_id"] == CHECK["trace_id"]


@pytest.mark.parametrize("wrong", [{"wechat_push_aes_key": AES_KEY[:-1]}, {"wechat_push_token": "AA"}, {"wechat_push_token": "A A A"}])
def test_a_token_or_key_that_is_none_stops_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="XINXIN_WECHAT_PUSH"):
        Settings(**wrong)


async def test_simultaneous_deliveries_make_one_job(wechat_side: WeChat, push_database: Database) -> None:
    at = int(time.time())
    answers = await asyncio.gather(*(wechat_side.push(CHECK, str(number % 2), at=at) for number in range(8)))
    assert all(accepted(answer) for answer in answers)
    assert len(await kept(push_database)) == len(await jobs(push_database)) == 1


async def test_the_sweep_deletes_what_has_served(wechat_side: WeChat, push_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert accepted(await wechat_side.push(CHECK, "1"))
    context: Any = type("Context", (), {"database": push_database})
    await sweep(context)
    assert len(await kept(push_database)) == 1
    monkeypatch.setattr(push, "EVENTS_KEPT", timedelta(0))
    await sweep(context)
    [(_, facts)] = await jobs(push_database)  # its job has not taken it: it may still be tried again
    assert len(await kept(push_database)) == 1
    async with push_database.transaction() as session:
        assert await push.claim(session, event_id=UUID(facts["event_id"])) is not None
    await sweep(context)
    assert await kept(push_database) == []


async def test_the_service_takes_pushes_at_its_root_without_a_caller(
    client: httpx.AsyncClient, session: AsyncSession, settings: Settings, queued: Callable[..., Awaitable[list[tuple[str, dict[str, Any]]]]]
) -> None:
    assert settings.wechat_push_token
    timestamp = str(int(time.time()))
    query = {"timestamp": timestamp, "nonce": "1", "signature": crypto.signature(settings.wechat_push_token, timestamp, "1")}
    hello = await client.get("/wechat/push", params=query | {"echostr": "4375120948345356249"})
    assert (hello.status_code, hello.text) == (200, "4375120948345356249")
    assert accepted(await client.post("/wechat/push", params=query, json=CHECK))
    assert [name for name, _ in await queued(session)] == ["wechat.push.wxa_media_check"]
    assert refused(await client.post("/wechat/push", params=query, json=CHECK | {"trace_id": "another"}))
