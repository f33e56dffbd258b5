"""API security: the numbers of WeChat's own guide, and every protectable call against a simulator that decrypts, verifies and signs."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from app import clock
from app.db.session import Database
from app.settings import Settings
from app.wechat import crypto, protection
from app.wechat.answers import Verdict
from app.wechat.client import WeChatClient
from app.wechat.errors import WeChatRefused, WeChatSilent
from app.wechat.protection import Protection, SharedKey, Suite, Unauthentic
from app.wechat.simulator import create_app
from app.wechat.simulator.secured import Secured
from app.wechat.store import DatabaseTokenStore
from tests.wechat.fake import APPID, SECRET, Fake

# https://developers.weixin.qq.com/miniprogram/dev/server/getting_started/api_signature.html
URL, GUIDE_APPID, ASKED, ANSWERED = "https://api.weixin.qq.com/wxa/getuserriskrank", "wxba6223c06417af7b", 1635927954, 1635927956
GUIDE_KEY = SharedKey(
    Suite.AES256_GCM, "fa05fe1e5bcc79b81ad5ad4b58acf787", base64.b64decode("otUpngOjU+nVQaWJIC3D/yMLV17RKaP6t4Ot9tbnzLY=")
)
PLAIN = (
    '{"_n":"o89QaPVsRu1yppIZzvSZc4","_appid":"wxba6223c06417af7b","_timestamp":1635927954,"appid":"wxba6223c06417af7b",'
    '"openid":"oEWzBfmdLqhFS2mTXCo2E4Y9gJAM","scene":0,"client_ip":"127.0.0.1"}'
)
IV = "fmW/zNxXlytUZBgj"
REQUEST = (
    '{"iv":"fmW/zNxXlytUZBgj","data":"0IDVdrPtSPF/Oe2CTXCV2vVNPbVJdJlP2WaTMQnoYLh5iCrrSNfQFh25EnStDMf0hLlVNBCZQtf9NaV0m4aRA4AAYIO7oR/G'
    'e+4yY4EmZp5EVPB42xjScgMx5X3D4VdLCfynXIUKUtZHZvk1zmLVE3RauzJgiM1BB1CPmwcENo3MTJ0z8Vfkf5tMv54kOXobDLlV5rfqKdAX7gM/rP82DgZdt9vvZX44'
    'ipdbHIjJvw83ZXAFtvftdVw2Qd8=","authtag":"5qeM/2vZv+6KtScN94IpMg=="}'
)
REQUEST_SIGNATURE = (
    "wcSSWHZunjz9VKl9q+If9deiyECXDAELfAJNZ4+5T+NhFr8zfhkwdQtlgQ7nN5xs99R57La9UjBTRBGge2KYyshWtw7HIMPAqWNsnpHvx0b2f7s6Bt7OpfOQLlIfNgepgTVm"
    "UwrqW8/7A12szj7tCe/bRFilwnaX6N0w4duHlfL7ic7IIZXouvy9dLRAa5GtEk1eD/LPWRiKh0SvJ3znPY/pSiQW9zSkXVdj9UGGM8qcKLzPGJ7gSmt3ZOPkFapk9wqFmhJw"
    "Qj//xN5+hUlr2UiNPMNSHve5Y2ADLsNHqk5t7RfAZ8nW9/8lzhVt4t+toy1FeehxCGIC8qgmjIl1hg=="
)
REQUEST_SIGNER = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3FoQOmOl5/CF5hF7ta4EzCy2LaU3Eu2k9DBwQ73J82I53Sx9LAgM1DH3IsYohRRx/BESfbdDI2powvr6QYKVIC+4"
    "Yavwg7gzhZRxWWmT1HruEADCZAgkUCu+9Il/9FPuitPSoIpBd07NqdkkRe82NBOfrKTdhge/5zd457fl7J81Q5VTIxO8vvq7FSw7k6Jtv+eOjR6SZOWbbUO7f9r4UuUkXmvd"
    "Gv21qiqtaO1EMw4tUCELzY73M7NpCH3RorlommYX3P6q0VrkDHrCE0/QMhmHsF+46E+IRcJ3wtEj3p/mO1VoCpEhawC1U728ZUTwWNEii8hPEhcNAZTKaQMaTQIDAQAB"
)
RESPONSE = (
    '{"iv":"r2WDQt56rEAmMuoR","data":"HExs66Ik3el+iM4IpeQ7SMEN934FRLFYOd3EmeaIrpP4EPTHckoco6O+PaoRZRa3lqaPRZT7r52f7LUok6gLxc6cdR8C4vpIIfh4'
    'xfLC4L7FNy9GbuMK1hcoi8b7gkWJcwZMkuCFNEDmqn3T49oWzAQOrY4LZnnnykv6oUJotdAsnKvmoJkLK7hRh7M2B1d2UnTnRuoIyarXc5Iojwoghx4BOvnV",'
    '"authtag":"z2BFD8QctKXTuBlhICGOjQ=="}'
)
RESPONSE_SIGNATURE = (
    "Ht0VfQkkEweJ4hU266C14Aj64H9AXfkwNi5zxUZETCvR2svU1ZYdosDhFX/voLj1TyszqKsVxAlENGt7PPZZ8RQX7jnA4SKhiPUhW4LTbyTenisHJ+ohSfDjYnXavjQsBHsp"
    "FS+BlPHuSSJ2xyQzw1+HuC6nid09ZL4FnGSYo4OI5MJrSb9xLzIVZMIDuUQchGKi/KaB1KzxECLEZcfjqbAgmxC7qOmuBLyO1WkHYDM95NJrHJWba5xv4wrwPru9yYTJSNRn"
    "lM+zrW5w9pOubC4Jtj3szTAEuOz9AcqUmgaAvMLNAIa8hfODLRe3n/cu4SgYlN/ZkNRU4QXVNbPGMg=="
)
RESPONSE_SIGNER = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzkP2qWQKaTWSvcWkXR72lzeQay/PlEDT9hGfL3E8ojJXZRUwNm9FD6YMeyJBAUTp62DjnsoVhLFMMq0i1t2XqElB"
    "UZ4C+DSao9gT1KQdEZN8v8CddFsoEbYYLY5xo9ICmuws56uyNrLaZ772kXxUfJtXxqjHvwA2xTvkb847dXWIQTSzk+aCWqTwMSLD2AH90YnOw19fDO/InKJQ/1m6Nh7HKOxL"
    "79kZ1I5SSov+2H7XrIePxqVx3KBrpgZ9YQPJaS3+L8HbxzDHifPCTzGCu6uJ89ou4yTT73AlAsJ8Cf9/vPIesLw9wPVe+9G31UE0wEBJezfvXQ4PLJV/aWQyCQIDAQAB"
)


def public(text: str) -> RSAPublicKey:
    key = serialization.load_der_public_key(base64.b64decode(text))
    assert isinstance(key, RSAPublicKey)
    return key


def test_the_guides_request_and_answer() -> None:
    about = protection.about(URL, GUIDE_APPID, ASKED, GUIDE_KEY.number)
    assert GUIDE_KEY.seal(PLAIN.encode(), about, base64.b64decode(IV)) == REQUEST.encode()
    protection.expect_signature(
        public(REQUEST_SIGNER), protection.to_sign(URL, GUIDE_APPID, str(ASKED), REQUEST.encode()), REQUEST_SIGNATURE
    )
    to_sign = protection.to_sign(URL, GUIDE_APPID, str(ANSWERED), RESPONSE.encode())
    protection.expect_signature(public(RESPONSE_SIGNER), to_sign, RESPONSE_SIGNATURE)
    with pytest.raises(Unauthentic):
        protection.expect_signature(public(REQUEST_SIGNER), to_sign, RESPONSE_SIGNATURE)
    opened = GUIDE_KEY.open(RESPONSE.encode(), protection.about(URL, GUIDE_APPID, ANSWERED, GUIDE_KEY.number))
    assert protection.unsecured(opened, GUIDE_APPID, ANSWERED) == {
        "errcode": 0, "errmsg": "getuserriskrank succ", "risk_rank": 0, "unoin_id": 2258658297,
    }


def test_sm4_as_rfc_8998_has_it() -> None:
    key = SharedKey(Suite.SM4_GCM, "n", bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    plain = b"".join(bytes([byte]) * 8 for byte in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
    about = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    sealed = key.seal(plain, about, bytes.fromhex("00001234567800000000ABCD"))
    assert base64.b64decode(json.loads(sealed)["authtag"]).hex().upper() == "83DE3541E4C2B58177E065A9BF7B62EC"
    assert key.open(sealed, about) == plain


def test_how_a_session_proves_itself() -> None:
    right = "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b"
    assert crypto.session_signature("o0q0otL8aEzpcZL/FT9WsQ==", b'{"foo":"bar"}') == right


@pytest.fixture(scope="module")
def pairs() -> list[RSAPrivateKey]:
    """Ours, WeChat's, and the one that WeChat had before."""
    return [rsa.generate_private_key(65_537, 2_048) for _ in range(3)]


class Both:
    """Our side and WeChat's, of one suite; `former` knows WeChat's former certificate only."""

    def __init__(self, pairs: list[RSAPrivateKey], suite: Suite) -> None:
        own, new, former = pairs
        self.shared = SharedKey(suite, "sym-1", bytes(range(suite.key_bytes)))
        self.ours = Protection(APPID, self.shared, "own-1", own, {"wx-2": new.public_key()})
        self.former = replace(self.ours, platform={"wx-1": former.public_key()})
        self.theirs = Secured(APPID, shared=self.shared, theirs=own.public_key(), signers={"wx-2": new, "wx-1": former})


@pytest.fixture
async def secured(pairs: list[RSAPrivateKey], push_database: Database) -> AsyncIterator[Any]:
    """Starts a simulator with API security, and clients of it."""
    async def start(suite: Suite, fake: Fake) -> tuple[Both, Any]:
        both = Both(pairs, suite)
        fake._app = create_app(APPID, SECRET, clock=fake.clock, security=both.theirs)

        def client(side: Protection | None) -> WeChatClient:
            clients.append(WeChatClient(fake.url, APPID, SECRET, token_store=DatabaseTokenStore(push_database), protection=side))
            return clients[-1]

        return both, client

    clients: list[WeChatClient] = []
    yield start
    for one in clients:
        await one.aclose()


@pytest.mark.parametrize("suite", list(Suite))
async def test_every_protectable_call_goes_sealed_and_signed(secured, fake: Fake, suite: Suite) -> None:
    both, join = await secured(suite, fake)
    bodies: list[bytes] = []
    inside = fake._app

    async def tapped(scope: Any, receive: Any, send: Any) -> None:
        async def heard() -> Any:
            message = await receive()
            bodies.append(message.get("body", b""))
            return message

        await inside(scope, heard, send)

    fake._app = tapped
    for side in (both.ours, both.former):
        client = join(side)
        openid = (await client.code_to_session(await fake.code("张三"))).openid
        bodies.clear()
        code = await fake.phone_code("张三", "13800138000")
        bodies.clear()
        assert await client.phone_number(code, openid=openid) == "13800138000"
        assert await client.check_text(openid, "楼道里电动车充电") is Verdict.PASS
        assert await client.check_text(openid, "游行") is Verdict.REVIEW
        assert await client.check_image(openid, "https://example.cn/p.jpg")
        assert await client.risk_rank(openid, scene=0, client_ip="203.0.113.7") == 0
        sent = b"".join(bodies)
        assert b"authtag" in sent and not [word for word in (code, openid, "楼道", "example.cn", "203.0.113.7") if word.encode() in sent]
        with pytest.raises(WeChatRefused) as refused:
            await client.risk_rank("nobody", scene=0, client_ip="203.0.113.7")
        assert refused.value.errcode == 40003
        assert (await client.unlimited_qrcode("s=1")).startswith(b"\x89PNG")  # what WeChat takes in the clear only
    assert await join(None).risk_rank(openid, scene=0, client_ip="203.0.113.7") == 0


async def test_what_wechat_refuses_and_what_is_not_wechats(secured, fake: Fake, pairs: list[RSAPrivateKey], monkeypatch) -> None:
    both, join = await secured(Suite.AES256_GCM, fake)
    asked = {"scene": 0, "client_ip": "203.0.113.7"}
    openid = (await join(None).code_to_session(await fake.code("张三"))).openid
    for side, errcode in ((replace(both.ours, own=pairs[1]), 40234), (replace(both.ours, own_number=""), 40230)):
        with pytest.raises(WeChatRefused) as refused:
            await join(side).risk_rank(openid, **asked)
        assert refused.value.errcode == errcode
    forged = {"wx-2": pairs[0].public_key()}
    for wrong in ({"platform": forged}, {"platform": {}}, {"shared": replace(both.shared, key=bytes(32))}):
        with pytest.raises(WeChatSilent):  # a forged answer says nothing; nor does one under another key
            await join(replace(both.ours, **wrong)).risk_rank(openid, **asked)
    for told in ({"errcode": 0, "risk_rank": 0}, {"risk_rank": 0}, {"errcode": "0", "risk_rank": 0}):
        await fake.fault("/wxa/getuserriskrank", body=json.dumps(told))
        with pytest.raises(WeChatSilent):  # good news in the clear are nobody's
            await join(both.ours).risk_rank(openid, **asked)
    await fake.fault("/wxa/getuserriskrank", errcode=40238)
    with pytest.raises(WeChatRefused):  # bad news may come so: WeChat cannot seal without a key
        await join(both.ours).risk_rank(openid, **asked)


def test_an_old_answer_or_one_to_another_call_is_refused(pairs: list[RSAPrivateKey]) -> None:
    both = Both(pairs, Suite.AES256_GCM)
    told, headers = both.theirs.seal(URL, {"errcode": 0, "risk_rank": 4})
    body = json.dumps(told).encode()
    assert both.ours.open("/wxa/getuserriskrank", headers, body) == {"errcode": 0, "risk_rank": 4}
    stamp = str(int((clock.now() - timedelta(minutes=6)).timestamp()))
    old = Secured(APPID, shared=both.shared, theirs=pairs[0].public_key(), signers={"wx-2": pairs[1]}, clock=lambda: float(stamp))
    aged, aged_headers = old.seal(URL, {"errcode": 0, "risk_rank": 4})
    for path, named, bytes_ in (
        ("/wxa/msg_sec_check", headers, body), ("/wxa/getuserriskrank", headers, body + b" "),
        ("/wxa/getuserriskrank", aged_headers, json.dumps(aged).encode()),
        ("/wxa/getuserriskrank", headers | {protection.STAMP: stamp}, body),
        ("/wxa/getuserriskrank", headers | {protection.APPID: "wx"}, body),
    ):
        with pytest.raises(Unauthentic):
            both.ours.open(path, named, bytes_)


def test_keys_come_from_the_settings(tmp_path: Path, pairs: list[RSAPrivateKey]) -> None:
    own, platform = tmp_path / "own.pem", tmp_path / "platform.pem"
    own.write_bytes(
        pairs[0].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    platform.write_bytes(
        pairs[1].public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    shared = f"sym-1:{base64.b64encode(bytes(32)).decode()}"
    told: dict[str, Any] = {
        "appid": APPID, "suite": Suite.AES256_GCM, "shared": shared, "own": f"o:{own}", "platform": f"a:{platform}, b:{platform}",
    }
    loaded = protection.load(**told)
    assert (loaded.own_number, set(loaded.platform)) == ("o", {"a", "b"}) and shared[6:20] not in repr(loaded)
    for wrong in ({"suite": Suite.SM4_GCM}, {"own": f"o:{platform}"}, {"shared": "sym-1:?"}):
        with pytest.raises(ValueError):
            protection.load(**(told | wrong))
    with pytest.raises(ValueError, match="WECHAT_API_CIPHER needs"):
        Settings(wechat_api_cipher="aes256-gcm", wechat_base_url="https://api.weixin.qq.com", wechat_api_key=shared)
