"""A client that somebody else wrote (wechatpy) speaks with the simulator, and reads its pushes: it is WeChat's protocol, not just ours."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import requests
import wechatpy
from PIL import Image
from requests.adapters import HTTPAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.utils import check_signature

from app.wechat import crypto
from app.wechat.push import Channel, Signed
from tests.wechat.fake import APPID, SECRET, Fake, serving
from tests.wechat.receiving import AES_KEY, TOKEN

WECHAT = "https://api.weixin.qq.com"
TEMPLATE = "tmpl-0123456789"


class Instead(HTTPAdapter):
    """Sends to the simulator what is meant for WeChat: wechatpy knows no other address."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        assert request.url is not None and request.url.startswith(WECHAT)
        request.url = self.url + request.url.removeprefix(WECHAT)
        return super().send(request, *arguments, **more)


@pytest.fixture
async def theirs(fake: Fake) -> AsyncIterator[Any]:
    client = wechatpy.WeChatClient(APPID, SECRET)
    client._http.trust_env = False
    client._http.mount(WECHAT, Instead(fake.url))
    yield client
    client._http.close()


async def test_it_signs_in_fetches_a_token_and_sends(fake: Fake, theirs: Any) -> None:
    session = await asyncio.to_thread(theirs.wxa.code_to_session, await fake.code("张三"))
    assert session["openid"] == await fake.openid("张三") and session["session_key"]
    assert (await fake.seen("calls"))["/cgi-bin/token"] == 1 and theirs.session.get(f"{APPID}_access_token")
    await fake.order("manners", grants="budget")
    await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer="accept")
    message = (session["openid"], TEMPLATE, {"thing1": {"value": "井盖已修好"}}, "pages/reports/detail")
    assert (await asyncio.to_thread(theirs.wxa.send_subscribe_message, *message))["errmsg"] == "ok"
    [sent] = (await fake.seen("sent"))["items"]
    assert (sent["touser"], sent["data"], sent["page"]) == (message[0], message[2], message[3])
    with pytest.raises(WeChatClientException) as refused:
        await asyncio.to_thread(theirs.wxa.send_subscribe_message, *message)
    assert refused.value.errcode == 43101
    fake.lapse = 7_300  # its token is refused, and it fetches another
    picture = await asyncio.to_thread(theirs.wxa.get_wxa_code_unlimited, "s=AB12", page="pages/store/index")
    with Image.open(io.BytesIO(picture.content), formats=["PNG"]) as image:
        assert image.width >= 280
    assert (await fake.seen("calls"))["/cgi-bin/token"] == 2


@pytest.mark.parametrize("form", ["json", "xml"])
async def test_it_decrypts_what_the_simulator_pushes(fake: Fake, form: str) -> None:
    heard: list[tuple[dict[str, str], bytes]] = []

    async def take(request: Request) -> Response:
        heard.append((dict(request.query_params), await request.body()))
        return PlainTextResponse("success")

    async with serving(Starlette(routes=[Route("/push", take, methods=["POST"])])) as url:
        await fake.order("push", url=f"{url}/push", token=TOKEN, aes_key=AES_KEY, form=form)
        openid = await fake.openid("张三")
        await fake.order("subscriptions", person="张三", template_id=TEMPLATE, answer="accept")
        assert (await fake.order("push/settle"))["items"][0]["taken"]
    [(query, body)] = heard
    check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
    theirs = WeChatCrypto(TOKEN, AES_KEY, APPID)
    sealed = json.loads(body) if form == "json" else body
    with pytest.raises(InvalidSignatureException):
        theirs.decrypt_message(sealed, query["signature"], query["timestamp"], query["nonce"])
    opened = theirs.decrypt_message(sealed, query["msg_signature"], query["timestamp"], query["nonce"])
    if form == "json":
        assert json.loads(opened)["FromUserName"] == openid
    else:
        event = wechatpy.parse_message(opened)
        assert (event.source, event._data["Event"]) == (openid, "subscribe_msg_popup_event")
        assert event._data["SubscribeMsgPopupEvent"]["List"]["SubscribeStatusString"] == "accept"


def test_our_side_opens_what_it_has_sealed() -> None:
    """wechatpy writes the envelope of WeChat's replies, which is sealed as pushes are."""
    now, nonce = str(int(time.time())), "415670741"
    message = '<xml><MsgType><![CDATA[event]]></MsgType><Event><![CDATA[wxa_media_check]]></Event><Word>楼道</Word></xml>'
    envelope = WeChatCrypto(TOKEN, AES_KEY, APPID).encrypt_message(message, nonce, now)
    sealed = envelope.split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    query = Signed("", now, nonce, crypto.signature(TOKEN, now, nonce, sealed))
    assert f"<MsgSignature><![CDATA[{query.msg_signature}]]>" in envelope
    assert Channel(APPID, [TOKEN], [AES_KEY]).open(query, envelope.encode()).decode() == message
