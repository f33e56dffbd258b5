"""The server API of WeChat, as few calls of it as the service needs."""

from typing import Any, Literal

from app.errors import WeChatUnavailable
from app.observability import get_logger
from app.wechat import answers, subscription
from app.wechat.answers import Session, Verdict
from app.wechat.calls import perform
from app.wechat.errors import LONG_AWAY, USER_REFUSED, SubscriptionRefused
from app.wechat.tokens import Token, TokenKeeper, TokenStore, fetched
from app.wechat.transport import Answer, Call, Transport

log = get_logger(__name__)

TEXT_LIMIT, TEXT_OVERLAP = 2_500, 100
LINK_DAYS = 30
EnvVersion = Literal["release", "trial", "develop"]
IMAGE = 2  # media_type


class WeChatClient:
    """One per process. Every call raises WeChatUnavailable when WeChat does not answer in time, and WeChatRefused (a kind of it) for an
    errcode that its own description does not name. No call may be made inside a database transaction: each may last six seconds.
    """

    def __init__(self, base_url: str, appid: str, secret: str, *, token_store: TokenStore) -> None:
        self._appid, self._secret = appid, secret
        self._transport = Transport(base_url)
        self._tokens = TokenKeeper(appid, token_store, self._fetch_token)

    @property
    def reachable(self) -> bool:
        """Did the last call of this process get an answer? For the health check: no call is made for it."""
        return self._transport.reachable

    async def aclose(self) -> None:
        await self._tokens.close()
        await self._transport.close()

    async def code_to_session(self, code: str) -> Session:
        """Redeems a code of `wx.login`, once. WeChat's session_key is dropped here: nothing needs it.

        Raises WeChatCodeInvalid, WeChatAccountBlocked.
        """
        params = {"appid": self._appid, "secret": self._secret, "js_code": code, "grant_type": "authorization_code"}
        answer = await self._call(Call("/sns/jscode2session", params, with_token=False, resends=1))
        return answers.session(answer)

    async def phone_number(self, code: str, *, openid: str | None) -> str:
        """Redeems a code of the phone button, once, for the person `openid`. Returns eleven digits.

        Raises WeChatCodeInvalid, for a number outside the mainland too.
        """
        body = {"code": code} if openid is None else {"code": code, "openid": openid}
        answer = await self._call(Call("/wxa/business/getuserphonenumber", body=body, resends=1))
        return answers.phone_number(answer, appid=self._appid)

    async def unlimited_qrcode(
        self, scene: str, *, page: str | None = None, width: int = 430, env_version: EnvVersion = "release", check_path: bool = False
    ) -> bytes:
        """A permanent mini-program code as PNG. `page` is checked against the released version only with `check_path`.

        The picture is the same for the same arguments: make it once and keep it.
        """
        body: dict[str, Any] = {"scene": scene, "width": width, "env_version": env_version, "check_path": check_path}
        if page is not None:
            body["page"] = page
        return await answers.png(await self._call(Call("/wxa/getwxacodeunlimit", body=body, picture=True)))

    async def send_subscription(self, openid: str, template_id: str, data: dict[str, str], page: str | None = None) -> None:
        """Sends one subscription message; values are cut to what WeChat takes. Never sent again after a lost answer: it may have arrived.

        Raises SubscriptionRefused when the person has not, or no longer, permitted it.
        """
        body: dict[str, Any] = {
            "touser": openid, "template_id": template_id, "data": subscription.fitted(data), "miniprogram_state": "formal", "lang": "zh_CN",
        }
        if page is not None:
            body["page"] = page
        answer = await self._call(Call("/cgi-bin/message/subscribe/send", body=body, resends=0))
        if answer.errcode == USER_REFUSED:
            raise SubscriptionRefused(answer.errcode)
        answers.expect_good(answer)

    async def check_text(self, openid: str, text: str, scene: int = 2) -> Verdict:
        """The worst verdict over the whole text. `scene`: 1 profile, 2 comment, 3 forum, 4 social log.

        REVIEW when WeChat will not judge because the person was away for over two hours. Not for Party papers or demands.
        """
        worst = Verdict.PASS
        for start in range(0, max(1, len(text) - TEXT_OVERLAP), TEXT_LIMIT - TEXT_OVERLAP):
            piece = text[start : start + TEXT_LIMIT]
            body = {"version": 2, "openid": openid, "scene": scene, "content": piece}
            answer = await self._call(Call("/wxa/msg_sec_check", body=body))
            worst = max(worst, Verdict.REVIEW if answer.errcode == LONG_AWAY else answers.verdict(answer), key=Verdict.weight)
        return worst

    async def check_image(self, openid: str, url: str, scene: int = 2) -> str:
        """Asks for a check of a picture, which WeChat fetches from `url` within half an hour. Returns the trace_id that the pushed result
        (`wechat.push.wxa_media_check`) will carry.
        """
        body = {"media_url": url, "media_type": IMAGE, "version": 2, "scene": scene, "openid": openid}
        return answers.text(await self._call(Call("/wxa/media_check_async", body=body)), "trace_id")

    async def url_link(self, path: str, query: str, *, days: int = LINK_DAYS) -> str:
        """A web address that opens the mini program for so many days, 1 to 30. An empty `path` is its first page.

        `query` is URL-encoded and holds no personal data: one link may serve many people. 500,000 may be made a day, and a lost answer may
        stand for one: it is not asked for again.
        """
        body = {"path": path, "query": query, "expire_type": 1, "expire_interval": days, "env_version": "release"}
        return answers.link(await self._call(Call("/wxa/generate_urllink", body=body, resends=0)))

    async def _call(self, call: Call) -> Answer:
        return await perform(call, self._transport, self._tokens)

    async def _fetch_token(self) -> Token:
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret, "force_refresh": False}
        answer = await self._call(Call("/cgi-bin/stable_token", body=body, with_token=False))
        text, life = answer.data.get("access_token"), answer.data.get("expires_in")
        if answer.errcode or not isinstance(text, str) or not text or not isinstance(life, int) or life <= 0:
            log.error("wechat.no_token", errcode=answer.errcode)
            raise WeChatUnavailable
        return fetched(text, life)
