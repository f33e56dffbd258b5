"""`/wechat/push`: where WeChat sends its events. WeChat signs them, so nobody is signed in here, and it stands at the root."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import PlainTextResponse
from starlette.requests import Request

from app.db.session import Database
from app.errors import NotFound
from app.settings import Settings
from app.wechat import push
from app.wechat.push import Channel, Signed

router = APIRouter(prefix="/wechat/push", tags=["微信推送"])

ACCEPTED = "success"  # anything else, and WeChat sends the event again
REFUSALS: dict[int | str, dict[str, Any]] = {
    403: {"description": "签名不对、时间相差超过 5 分钟、重复使用随机串，或设置了密钥却收到明文"}, 404: {"description": "没有设置推送令牌"},
}
EVENT_BODY = {
    "required": True,
    "content": {
        media: {"schema": {"type": "object" if media == "application/json" else "string"}, "example": example}
        for media, example in (
            ("application/json", {"ToUserName": "gh_0123456789ab", "Encrypt": "Q3stYC6hdFzMh9T8HCvyDArIMwhYZSce"}),
            ("text/xml", "<xml><ToUserName><![CDATA[gh_0123456789ab]]></ToUserName><Encrypt><![CDATA[Q3stYC6h]]></Encrypt></xml>"),
        )
    },
}


async def _channel(request: Request) -> Channel:
    """Raises NotFound while no token is set."""
    settings: Settings = request.app.state.settings
    if not settings.push_tokens:
        raise NotFound
    return Channel(settings.wechat_appid, settings.push_tokens, settings.push_aes_keys)


async def _signed(
    signature: Annotated[str, Query(examples=["f464b24fc39322e44b38aa78f5edd27bd1441696"])] = "",
    timestamp: Annotated[str, Query(examples=["1714036504"])] = "",
    nonce: Annotated[str, Query(examples=["1514711492"])] = "",
    msg_signature: Annotated[str, Query(examples=["89399871b0e72a5c81699f759947cba317808a61"])] = "",
) -> Signed:
    return Signed(signature, timestamp, nonce, msg_signature)


Push = Annotated[Channel, Depends(_channel)]
PushQuery = Annotated[Signed, Depends(_signed)]


@router.get("", summary="微信验证推送地址", response_class=PlainTextResponse, responses=REFUSALS)
async def hello(
    channel: Push, query: PushQuery, echostr: Annotated[str, Query(max_length=256, examples=["4375120948345356249"])] = ""
) -> PlainTextResponse:
    """Answers WeChat's own text back, which proves to the console that the address is ours."""
    channel.expect_hello(query)
    return PlainTextResponse(echostr, headers={"X-Content-Type-Options": "nosniff"})


@router.post(
    "", summary="接收微信推送的事件", response_class=PlainTextResponse, responses=REFUSALS, openapi_extra={"requestBody": EVENT_BODY}
)
async def event(channel: Push, query: PushQuery, request: Request) -> PlainTextResponse:
    """Stores the event and its job, then says so: WeChat waits five seconds at most. A repeat is answered in the same way."""
    message = channel.open(query, await request.body())
    database: Database = request.app.state.database
    async with database.transaction() as session:
        await push.take(session, query, message)
    return PlainTextResponse(ACCEPTED)
