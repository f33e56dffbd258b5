"""The server API of WeChat, as few calls of it as the service needs."""

from typing import Any, Literal

from app.errors import WeChatUnavailable
from app.observability import get_logger
from app.wechat import answers, subscription
from app.wechat.answers import Session, Verdict
from app.wechat.calls import perform
from app.wechat.errors import WeChatSilent
from app.wechat.protection import Protection
from app.wechat.rules import CHECK_MEDIA, CHECK_TEXT, PHONE, PICTURE, SIGN_IN, TOKEN
from app.wechat.stops import Stops, StopStore
from app.wechat.tokens import Token, TokenKeeper, TokenStore, fetched
from app.wechat.transport import Answer, Call, Transport

log = get_logger(__name__)

TEXT_LIMIT, TEXT_OVERLAP = 2_500, 100
LINK_DAYS = 30
EnvVersion = Literal["release", "trial", "develop"]
RiskScene = Literal[0, 1, 2]
STATES: dict[EnvVersion, str] = {"release": "formal", "trial": "trial", "develop": "developer"}
IMAGE = 2  # media_type


class WeChatClient:
    """One per process. What an errcode becomes stands in `rules`; every call may raise WeChatUnavailable and its kinds: WeChatRefused,
    WeChatSilent (it may have been taken), WeChatStopped. No call may be made inside a database transaction: each may last six seconds.

    `stop_store` shares with other processes what has no quota left today, `protection` encrypts and signs what WeChat takes so. `version`
    of the mini program is what codes, links and messages open.
    """

    def __init__(
        self, base_url: str, appid: str, secret: str, *, token_store: TokenStore, stop_store: StopStore | None = None,
        protection: Protection | None = None, version: EnvVersion = "release",
    ) -> None:
        self._appid, self._secret, self._version = appid, secret, version
        self._transport = Transport(base_url, protection)
        self._token_store, self._stops = token_store, Stops(stop_store)
        self._tokens = TokenKeeper(appid, token_store, self._fetch_token)

    @property
    def reachable(self) -> bool:
        """Did the last call of this process get an answer? For the health check: no call is made for it."""
        return self._transport.reachable

    @property
    def released(self) -> bool:
        """Do its codes open the released version? A code of another one must not be kept for later."""
        return self._version == "release"

    async def aclose(self) -> None:
        await self._tokens.close()
        await self._transport.close()

    async def code_to_session(self, code: str) -> Session:
        """Redeems a code of `wx.login`, once. WeChat's session_key is dropped here: nothing needs it.

        Raises WeChatCodeInvalid, WeChatAccountBlocked.
        """
        params = {"appid": self._appid, "secret": self._secret, "js_code": code, "grant_type": "authorization_code"}
        answer = await self._call(Call(SIGN_IN, params, with_token=False, resends=1))
        return answers.session(answer)

    async def phone_number(self, code: str, *, openid: str | None) -> str:
        """Redeems a code of the phone button, once, for the person `openid`. Returns eleven digits.

        Raises WeChatCodeInvalid, for a number outside the mainland too.
        """
        body = {"code": code} if openid is None else {"code": code, "openid": openid}
        answer = await self._call(Call(PHONE, body=body, resends=1, protectable=True))
        return answers.phone_number(answer, appid=self._appid)

    async def unlimited_qrcode(self, scene: str, *, page: str | None = None, width: int = 430, check_path: bool = False) -> bytes:
        """A permanent mini-program code as PNG. `page` is checked against the released version only with `check_path`.

        The picture is the same for the same arguments: make it once and keep it.
        """
        body: dict[str, Any] = {"scene": scene, "width": width, "env_version": self._version, "check_path": check_path}
        if page is not None:
            body["page"] = page
        return await answers.png(await self._call(Call(PICTURE, body=body, picture=True)))

    async def send_subscription(self, openid: str, template_id: str, data: dict[str, str], page: str | None = None) -> None:
        """Sends one subscription message; values are cut to what WeChat takes. Never sent again after a lost answer: it may have arrived.

        Raises SubscriptionRefused when the person has not, or no longer, permitted it.
        """
        body: dict[str, Any] = {
            "touser": openid, "template_id": template_id, "data": subscription.fitted(data), "lang": "zh_CN",
            "miniprogram_state": STATES[self._version],
        }
        if page is not None:
            body["page"] = page
        answer = await self._call(Call("/cgi-bin/message/subscribe/send", body=body, resends=0))
        answers.expect_good(answer)

    async def check_text(self, openid: str, text: str, scene: int = 2) -> Verdict:
        """The worst verdict over the whole text. `scene`: 1 profile, 2 comment, 3 forum, 4 social log.

        REVIEW when WeChat will not judge because the person was away for over two hours. Not for Party papers or demands.
        """
        worst = Verdict.PASS
        for start in range(0, max(1, len(text) - TEXT_OVERLAP), TEXT_LIMIT - TEXT_OVERLAP):
            piece = text[start : start + TEXT_LIMIT]
            body = {"version": 2, "openid": openid, "scene": scene, "content": piece}
            answer = await self._call(Call(CHECK_TEXT, body=body, protectable=True))
            worst = max(worst, answers.verdict(answer), key=Verdict.weight)
        return worst

    async def check_image(self, openid: str, url: str, scene: int = 2) -> str:
        """Asks for a check of a picture, which WeChat fetches from `url` within half an hour. Returns the trace_id that the pushed result
        (`wechat.push.wxa_media_check`) will carry.
        """
        body = {"media_url": url, "media_type": IMAGE, "version": 2, "scene": scene, "openid": openid}
        return answers.text(await self._call(Call(CHECK_MEDIA, body=body, protectable=True)), "trace_id")

    async def risk_rank(self, openid: str, *, scene: RiskScene, client_ip: str, mobile: str | None = None) -> int:
        """How risky WeChat holds a person to be, 0 to 4: one sign among others. `scene`: 0 sign-up and sign-in, 1 marketing, 2 content.

        Address and number go to WeChat for it: only where the privacy text says so.
        """
        body: dict[str, Any] = {"appid": self._appid, "openid": openid, "scene": scene, "client_ip": client_ip}
        if mobile is not None:
            body["mobile_no"] = mobile
        return answers.risk_rank(await self._call(Call("/wxa/getuserriskrank", body=body, protectable=True)))

    async def url_link(self, path: str, query: str, *, days: int = LINK_DAYS) -> str:
        """A web address that opens the mini program for so many days, 1 to 30. An empty `path` is its first page.

        `query` is URL-encoded and holds no personal data: one link may serve many people. 500,000 may be made a day, and a lost answer may
        stand for one: it is not asked for again.
        """
        body = {"path": path, "query": query, "expire_type": 1, "expire_interval": days, "env_version": self._version}
        return answers.link(await self._call(Call("/wxa/generate_urllink", body=body, resends=0)))

    async def url_scheme(self, path: str, query: str, *, days: int = LINK_DAYS) -> str:
        """The same as an address that opens WeChat at once (`weixin://`), for where a browser may not stand between."""
        jump = {"path": path, "query": query, "env_version": self._version}
        body = {"jump_wxa": jump, "is_expire": True, "expire_type": 1, "expire_interval": days}
        return answers.scheme(await self._call(Call("/wxa/generatescheme", body=body, resends=0)))

    async def probe(self) -> None:
        """Raises WeChatUnavailable unless WeChat answers now. It asks for the token that is in use: nothing changes."""
        await self._fetch_token()

    async def replace_token(self) -> None:
        """Ends the access token everywhere, at once, and shares another: after a leak. WeChat does so 20 times a day, 30 seconds apart."""
        await self._token_store.replace(self._appid, await self._fetch_token(force=True))

    async def _call(self, call: Call) -> Answer:
        return await perform(call, self._transport, self._tokens, self._stops)

    async def _fetch_token(self, *, force: bool = False) -> Token:
        body = {"grant_type": "client_credential", "appid": self._appid, "secret": self._secret, "force_refresh": force}
        try:
            answer = await self._call(Call(TOKEN, body=body, with_token=False))
        except WeChatSilent:
            raise WeChatUnavailable from None  # whoever wanted the token has sent nothing
        text, life = answer.data.get("access_token"), answer.data.get("expires_in")
        if answer.errcode or not isinstance(text, str) or not text or not isinstance(life, int) or life <= 0:
            log.error("wechat.no_token", errcode=answer.errcode)
            raise WeChatUnavailable
        return fetched(text, life)
