"""Tokens, sign-in, phone numbers and session keys."""

import hmac
import secrets
from typing import Any

from app.wechat.crypto import session_signature
from app.wechat.simulator.protocol import Asked, Call
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import TOKEN_OVERLAP, World


def _expect_ours(world: World, appid: Any, secret: Any) -> None:
    for given, right, missing, wrong in ((appid, world.appid, 41002, 40013), (secret, world.secret, 41004, 40125)):
        if not given:
            raise Refusal(missing)
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(errors="replace"), right.encode()):
            raise Refusal(wrong)


def code_to_session(world: World, asked: Asked) -> dict[str, Any]:
    _expect_ours(world, asked.query.get("appid"), asked.query.get("secret"))
    if asked.query.get("grant_type") != "authorization_code":
        raise Refusal(40002)
    if not asked.query.get("js_code"):
        raise Refusal(41008)
    code = world.find_code(asked.query["js_code"], kind="login")
    world.sign_ins.count(code.openid)
    if code.used:
        raise Refusal(40163)
    if world.person(code.openid).blocked:
        raise Refusal(40226)
    code.used = True
    return {"session_key": world.visit(code.openid), "openid": code.openid}


def stable_token(world: World, asked: Asked) -> dict[str, Any]:
    """The token in use, or the next one during the last five minutes of it. A forced one ends it at once."""
    if asked.body.get("grant_type") != "client_credential":
        raise Refusal(40002)
    _expect_ours(world, asked.body.get("appid"), asked.body.get("secret"))
    now = world.clock()
    if asked.body.get("force_refresh") is True:
        world.forced_soon.count()
        world.forced_daily.count()
        if world.stable is not None:
            world.stable.expires_at = now
        world.stable = world.new_token()
    elif world.stable is None or world.stable.expires_at - now <= TOKEN_OVERLAP:
        world.stable = world.new_token()
    return {"access_token": world.stable.text, "expires_in": int(world.stable.expires_at - now)}


def classic_token(world: World, asked: Asked) -> dict[str, Any]:
    """A new token at every call; the one before works for five minutes more."""
    if asked.query.get("grant_type") != "client_credential":
        raise Refusal(40002)
    _expect_ours(world, asked.query.get("appid"), asked.query.get("secret"))
    now = world.clock()
    if world.classic is not None:
        world.classic.expires_at = min(world.classic.expires_at, now + TOKEN_OVERLAP)
    world.classic = world.new_token()
    return {"access_token": world.classic.text, "expires_in": int(world.classic.expires_at - now)}


def phone_number(world: World, asked: Asked) -> dict[str, Any]:
    code = world.find_code(asked.text("code", 40029), kind="phone")
    if code.used:
        raise Refusal(40029)
    if "openid" in asked.body and asked.body["openid"] != code.openid:
        raise Refusal(40003)
    code.used = True
    shown = code.phone if code.country == "86" else f"+{code.country}{code.phone}"
    watermark = {"timestamp": int(world.clock()), "appid": world.appid}
    info = {"phoneNumber": shown, "purePhoneNumber": code.phone, "countryCode": code.country, "watermark": watermark}
    return {"errcode": 0, "errmsg": "ok", "phone_info": info}


def _signing_person(world: World, asked: Asked) -> str:
    """Raises Refusal unless the call was signed by the session_key of its person."""
    if asked.query.get("sig_method") != "hmac_sha256":
        raise Refusal(87008)
    openid = world.expect_openid(asked.query.get("openid", ""))
    right = session_signature(world.session_keys.get(openid, ""))
    if openid not in world.session_keys or not hmac.compare_digest(asked.query.get("signature", "").encode(), right.encode()):
        raise Refusal(87009)
    return openid


def check_session(world: World, asked: Asked) -> dict[str, Any]:
    _signing_person(world, asked)
    return {"errcode": 0, "errmsg": "ok"}


def reset_session(world: World, asked: Asked) -> dict[str, Any]:
    openid = _signing_person(world, asked)
    return {"errcode": 0, "errmsg": "ok", "openid": openid, "session_key": world.new_session_key(openid)}


def risk_rank(world: World, asked: Asked) -> dict[str, Any]:
    """What was ordered for the person, or 0. `unoin_id` is WeChat's own spelling."""
    if asked.text("appid", 41002) != world.appid:
        raise Refusal(40013)
    openid = world.expect_openid(asked.text("openid", 40003))
    asked.number("scene", range(3), 40129)
    asked.text("client_ip", 40097)
    world.expect_recent(openid)
    return {"errcode": 0, "errmsg": "getuserriskrank succ", "unoin_id": secrets.randbits(40), "risk_rank": world.person(openid).risk_rank}


def quota(world: World, asked: Asked) -> dict[str, Any]:
    """How much of a day's calls is used up."""
    day = world.limits.quota(asked.text("cgi_path", 76021))
    if day is None:
        raise Refusal(76021)
    return {"errcode": 0, "errmsg": "ok", "quota": {"daily_limit": day.limit, "used": day.used, "remain": max(0, day.limit - day.used)}}


CALLS = (
    Call("/sns/jscode2session", code_to_session, method="GET", with_token=False, media_type="text/plain"),
    Call("/cgi-bin/stable_token", stable_token, with_token=False),
    Call("/cgi-bin/token", classic_token, method="GET", with_token=False),
    Call("/wxa/business/getuserphonenumber", phone_number),
    Call("/wxa/checksession", check_session, method="GET"),
    Call("/wxa/resetusersessionkey", reset_session, method="GET"),
    Call("/wxa/getuserriskrank", risk_rank),
    Call("/cgi-bin/openapi/quota/get", quota),
)
