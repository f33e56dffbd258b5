"""The client against the simulator over HTTP: what answers mean, what is tried again, one token for all processes."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest

from app.db.session import Database
from app.errors import WeChatUnavailable
from app.wechat import calls, transport
from app.wechat.answers import Verdict
from app.wechat.client import WeChatClient
from app.wechat.errors import SubscriptionRefused, WeChatCodeInvalid, WeChatRefused, WeChatSilent
from app.wechat.subscription import fitted
from tests.wechat.conftest import Join
from tests.wechat.fake import APPID, Fake

SIGN_IN, TOKEN = "/sns/jscode2session", "/cgi-bin/stable_token"
SEND, PHONE = "/cgi-bin/message/subscribe/send", "/wxa/business/getuserphonenumber"
TEMPLATE = "tmpl-0123456789"


@pytest.fixture
def client(join: Join) -> WeChatClient:
    return join()


async def openid_of(client: WeChatClient, fake: Fake, person: str = "张三") -> str:
    return (await client.code_to_session(await fake.code(person))).openid


async def test_a_code_becomes_a_person_once(client: WeChatClient, fake: Fake) -> None:
    code = await fake.code("张三")
    session = await client.code_to_session(code)
    assert session.openid == await openid_of(client, fake) != await openid_of(client, fake, "李四")
    assert session.openid not in repr(session) and not hasattr(session, "session_key")
    for spent in (code, "unknown"):
        with pytest.raises(WeChatCodeInvalid):
            await client.code_to_session(spent)


async def test_a_short_disturbance_is_not_noticed(client: WeChatClient, fake: Fake) -> None:
    await fake.fault(SIGN_IN, errcode=-1, times=2)
    assert await openid_of(client, fake)
    await fake.fault(SIGN_IN, status=502)
    assert await openid_of(client, fake)


@pytest.mark.parametrize(
    "fault", [{"body": "<html>"}, {"body": "[]"}, {"body": ""}, {"body": "{}"}, {"status": 302}, {"status": 503}, {"size": 5 << 20}]
)
async def test_nonsense_is_unavailable_and_never_believed(client: WeChatClient, fake: Fake, fault: dict[str, Any]) -> None:
    await fake.fault(SIGN_IN, **fault, times=None)
    with pytest.raises(WeChatUnavailable):
        await client.code_to_session(await fake.code("张三"))
    await fake.http.delete(f"{fake.url}/_simulator/faults")
    assert await openid_of(client, fake)


@pytest.mark.check("S31", part=True)
async def test_a_number_belongs_to_the_person_who_gave_it(client: WeChatClient, fake: Fake) -> None:
    openid, other = await openid_of(client, fake), await openid_of(client, fake, "李四")
    code = await fake.phone_code("张三", "13800138000")
    with pytest.raises(WeChatCodeInvalid):
        await client.phone_number(code, openid=other)
    assert await client.phone_number(code, openid=openid) == "13800138000"
    with pytest.raises(WeChatCodeInvalid):
        await client.phone_number(code, openid=openid)
    with pytest.raises(WeChatCodeInvalid, match="wechat_code_invalid"):
        await client.phone_number(await fake.phone_code("张三", "61234567", country="852"), openid=openid)


@pytest.mark.parametrize(("appid", "age"), [("wx0000000000000000", 0), (APPID, 400)])
async def test_a_number_for_another_mini_program_or_of_long_ago_is_refused(client: WeChatClient, fake: Fake, appid: str, age: int) -> None:
    stamp = int(fake.clock()) - age
    info = {"purePhoneNumber": "13800138000", "countryCode": 86, "watermark": {"timestamp": stamp, "appid": appid}}
    await fake.fault(PHONE, body=json.dumps({"phone_info": info}))
    with pytest.raises(WeChatCodeInvalid):
        await client.phone_number("x", openid=None)


async def test_all_processes_share_one_token(join: Join, fake: Fake) -> None:
    clients = [join() for _ in range(4)]
    openid = await openid_of(clients[0], fake)
    verdicts = await asyncio.gather(*(one.check_text(openid, "楼道里电动车充电") for one in clients for _ in range(3)))
    assert set(verdicts) == {Verdict.PASS}
    assert (await fake.seen("calls"))[TOKEN] == 1
    fake.lapse = 7_201  # WeChat's clock only: everybody's token is refused at once
    assert await asyncio.gather(*(one.url_link("pages/index/index", "a=1") for one in clients))
    assert (await fake.seen("calls"))[TOKEN] == 2


async def test_a_token_is_renewed_before_it_ends_and_serves_meanwhile(join: Join, fake: Fake, push_database: Database) -> None:
    first = join()
    assert await first.url_link("", "a=1")
    async with push_database.transaction() as session:
        near = "renew_at = clock_timestamp() - interval '1 second', claimed_until = clock_timestamp() + interval '5 seconds'"
        await (await session.connection()).exec_driver_sql(f"update wechat_token set {near}")
    assert await join().url_link("", "a=1")  # another process is fetching: the old one works still
    assert (await fake.seen("calls"))[TOKEN] == 1
    async with push_database.transaction() as session:
        await (await session.connection()).exec_driver_sql("update wechat_token set claimed_until = null")
    assert await join().url_link("", "a=1")
    assert (await fake.seen("calls"))[TOKEN] == 2


async def test_a_refused_token_that_wechat_gives_again_is_not_asked_for_without_end(client: WeChatClient, fake: Fake) -> None:
    openid = await openid_of(client, fake)
    await client.check_text(openid, "好")
    await fake.fault("/wxa/msg_sec_check", errcode=40001)
    assert await client.check_text(openid, "好") is Verdict.PASS
    await fake.fault("/wxa/msg_sec_check", errcode=40001, times=None)
    with pytest.raises(WeChatUnavailable):
        await client.check_text(openid, "好")
    assert (await fake.seen("calls"))[TOKEN] <= 5


async def test_a_token_that_leaked_ends_for_everybody(join: Join, fake: Fake) -> None:
    first, second = join(), join()
    assert await first.url_link("", "a=1") and await second.url_link("", "a=1")
    leaked = await fake.token()
    await first.replace_token()
    assert (await fake.post("/wxa/generate_urllink", {"path": "", "query": "a=1"}, token=leaked))["errcode"] in (40001, 42001)
    before = (await fake.seen("calls"))[TOKEN]
    assert await second.url_link("", "a=1") and await join().url_link("", "a=1") and await first.url_link("", "a=1")
    assert (await fake.seen("calls"))[TOKEN] == before  # they found the new one
    with pytest.raises(WeChatUnavailable):
        await first.replace_token()  # too soon


async def test_a_restarted_wechat_is_asked_for_a_new_token(client: WeChatClient, fake: Fake) -> None:
    openid = await openid_of(client, fake)
    await client.check_text(openid, "好")
    fake.restart()
    assert await client.check_text(openid, "好") is Verdict.PASS
    assert await openid_of(client, fake) == openid
    assert (await fake.seen("calls"))[TOKEN] == 1


async def test_without_a_token_nothing_hangs_and_the_next_call_recovers(client: WeChatClient, fake: Fake) -> None:
    await fake.fault(TOKEN, errcode=40243)
    with pytest.raises(WeChatUnavailable):
        await client.url_link("pages/index/index", "a=1")
    assert await client.url_link("pages/index/index", "a=1")


async def test_the_token_lies_sealed(client: WeChatClient, fake: Fake, push_database: Database) -> None:
    await client.url_link("pages/index/index", "a=1")
    token = await fake.token()
    async with push_database.reader() as reader:
        row = (await (await reader.connection()).exec_driver_sql("select * from wechat_token")).mappings().one()
    assert row["token_sealed"] and token.encode() not in row["token_sealed"]
    assert 6_500 < (row["renew_at"] - row["created_at"]).total_seconds() < 7_000


async def test_subscription_messages(client: WeChatClient, fake: Fake) -> None:
    openid = await openid_of(client, fake)
    await client.send_subscription(openid, TEMPLATE, {"thing1": "上报的问题\n已经 办结 " * 5, "time2": "2026年11月25日 15:01"}, "pages/x")
    (sent,) = (await fake.seen("sent"))["items"]
    assert sent["page"] == "pages/x" and len(sent["data"]["thing1"]["value"]) == 18
    await fake.http.post(f"{fake.url}/_simulator/permissions", json={"person": "张三", "template_id": TEMPLATE, "count": 0})
    with pytest.raises(SubscriptionRefused):
        await client.send_subscription(openid, TEMPLATE, {"thing1": "好"})
    with pytest.raises(WeChatRefused) as refused:
        await client.send_subscription(openid, TEMPLATE, {"phrase1": "ok"})
    assert refused.value.errcode == 47003


async def test_a_message_whose_answer_was_lost_is_not_sent_again(
    client: WeChatClient, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    openid = await openid_of(client, fake)
    await client.check_text(openid, "好")  # the token is there
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 0.3)
    await fake.fault(SEND, delay=1)
    with pytest.raises(WeChatUnavailable):
        await client.send_subscription(openid, TEMPLATE, {"thing1": "好"})
    assert len((await fake.seen("sent"))["items"]) == 1
    await fake.fault("/wxa/msg_sec_check", delay=1)
    assert await client.check_text(openid, "好") is Verdict.PASS  # asking twice does no harm
    assert (await fake.seen("calls"))["/wxa/msg_sec_check"] == 3


async def test_who_sends_learns_whether_it_may_have_arrived(client: WeChatClient, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    openid = await openid_of(client, fake)
    monkeypatch.setattr(transport, "EXCHANGE_SECONDS", 0.3)

    async def refusal() -> type[Exception]:
        with pytest.raises(WeChatUnavailable) as raised:
            await client.send_subscription(openid, TEMPLATE, {"thing1": "好"})
        return raised.type

    await fake.fault(TOKEN, status=503, times=3)
    assert await refusal() is WeChatUnavailable  # without a token nothing was sent
    nobody: list[dict[str, Any]] = [{"delay": 1}, {"drip": 0.05}, {"cut": True}, {"status": 502}, {"status": 504}]
    for wish in (*nobody, {"body": "<html>"}, {"body": "[]"}, {"size": 2 << 20}):
        await fake.fault(SEND, **wish)
        assert await refusal() is WeChatSilent, wish
    for status in (500, 503, 302, 403, 429):  # an answer, though not WeChat's usual one: it was not taken
        await fake.fault(SEND, status=status)
        assert await refusal() is WeChatUnavailable, status
    for errcode in (-1, 43108):
        await fake.fault(SEND, errcode=errcode, times=3)
        assert await refusal() is WeChatUnavailable, errcode
        await fake.http.delete(f"{fake.url}/_simulator/faults")
    nowhere = transport.Transport("http://127.0.0.1:9")
    with monkeypatch.context() as patched:
        patched.setattr(client, "_transport", nowhere)
        assert await refusal() is WeChatUnavailable  # nobody answered the telephone
    await nowhere.close()


async def test_nobody_waits_longer_than_the_budget(client: WeChatClient, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "BUDGET_SECONDS", 0.3)
    await fake.fault(SIGN_IN, delay=1)
    async with asyncio.timeout(0.9):
        with pytest.raises(WeChatUnavailable):
            await client.code_to_session(await fake.code("张三"))


async def test_the_worst_verdict_over_a_long_text_counts(client: WeChatClient, fake: Fake) -> None:
    openid = await openid_of(client, fake)
    path = "/wxa/msg_sec_check"
    assert await client.check_text(openid, "好" * 2_500) is Verdict.PASS
    assert (await fake.seen("calls"))[path] == 1
    assert await client.check_text(openid, "好" * 2_499 + "赌博" + "好" * 100 + "游行") is Verdict.RISKY  # cut in the middle of the word
    assert (await fake.seen("calls"))[path] == 3
    assert await client.check_text(openid, "游行") is Verdict.REVIEW
    fake.lapse = 7_300
    assert await client.check_text(openid, "好") is Verdict.REVIEW


async def test_pictures_checks_and_links(client: WeChatClient, fake: Fake) -> None:
    openid = await openid_of(client, fake)
    assert (await client.unlimited_qrcode("s=AB12", page="pages/store/index")).startswith(b"\x89PNG\r\n\x1a\n")
    assert (await client.url_link("pages/index/index", "a=1")).startswith("https://")
    assert (await client.url_scheme("pages/index/index", "a=1", days=7)).startswith("weixin://dl/business/?")
    assert await client.risk_rank(openid, scene=0, client_ip="203.0.113.7", mobile="13800138000") == 0
    trace = await client.check_image(openid, "https://example.cn/p.jpg")
    assert [one["trace_id"] for one in (await fake.seen("media_checks"))["items"]] == [trace]
    refusals: list[Awaitable[Any]] = [client.unlimited_qrcode("场景"), client.check_image("x", "https://example.cn/p.jpg")]
    for call in refusals:
        with pytest.raises(WeChatRefused):
            await call


async def test_before_its_release_everything_opens_the_trial_version(join: Join, fake: Fake) -> None:
    bodies, inside = bytearray(), fake._app

    async def tapped(scope: Any, receive: Any, send: Any) -> None:
        async def heard() -> Any:
            message = await receive()
            bodies.extend(message.get("body", b""))
            return message

        await inside(scope, heard, send)

    for version, state in (("release", "formal"), ("trial", "trial"), ("develop", "developer")):
        client = join(version=version)
        openid = await openid_of(client, fake)
        fake._app = tapped
        bodies.clear()
        await client.send_subscription(openid, TEMPLATE, {"thing1": "好"})
        await client.unlimited_qrcode("s=1")
        await client.url_link("", "a=1")
        await client.url_scheme("", "a=1")
        fake._app = inside
        assert bodies.count(f'"env_version": "{version}"'.encode()) == 3 and f'"miniprogram_state": "{state}"'.encode() in bodies
        assert client.released is (version == "release")


async def test_a_link_is_made_once_and_is_an_address(client: WeChatClient, fake: Fake) -> None:
    path = "/wxa/generate_urllink"
    assert (await client.url_link("", "scene=7k3m9q2x5t8v", days=7)).startswith("https://wxaurl.cn/")
    for told in ({"path": "/pages/index", "query": ""}, {"path": "pages/index?a=1", "query": ""}, {"path": "", "query": "场景"}):
        with pytest.raises(WeChatRefused):
            await client.url_link(**told)
    with pytest.raises(WeChatRefused):
        await client.url_link("", "scene=a", days=31)
    for wrong in ("javascript:alert(1)", "http://wxaurl.cn/x", 'https://wxaurl.cn/"><', "https://wxaurl.cn/a b", ""):
        await fake.fault(path, body=json.dumps({"url_link": wrong}))
        with pytest.raises(WeChatUnavailable):
            await client.url_link("", "scene=a")
    await fake.fault(path, errcode=43108)
    with pytest.raises(WeChatUnavailable):
        await client.url_link("", "scene=a")
    before = (await fake.seen("calls"))[path]
    await fake.fault(path, status=502, times=3)
    with pytest.raises(WeChatUnavailable):
        await client.url_link("", "scene=a")
    assert (await fake.seen("calls"))[path] == before + 1


def test_values_are_cut_to_what_wechat_takes() -> None:
    said = fitted({"thing1": "长" * 30, "phrase2": "已经通过审核", "thing3": " \n ", "time4": "15:01", "character_string5": "x" * 40})
    assert {key: value["value"] for key, value in said.items()} == {
        "thing1": "长" * 17 + "…", "phrase2": "已经通过审", "thing3": "无", "time4": "15:01", "character_string5": "x" * 32,
    }
