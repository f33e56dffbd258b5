"""Content checks, codes to scan, and links."""

import io
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import segno

from app.wechat.simulator.protocol import Asked, Call
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import World

TEXT_LIMIT = 2_500
RISKY = {"赌博": 20006, "诈骗": 20008, "色情": 20002}
REVIEW = {"游行": 20001, "上访": 20001}  # political words come back as "review", harmless ones too
GOOD = 100
LABELS = {"pass": GOOD, "review": 20001, "risky": 20002}
SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
VERSIONS = ("release", "trial", "develop")
PAGE_LIMIT, QUERY_LIMIT, DAYS_LIMIT = 1_024, 1_024, 30


def check_text(world: World, asked: Asked) -> dict[str, Any]:
    """The words decide: `RISKY` and `REVIEW` above, everything else passes."""
    openid = _judged_person(world, asked)
    text = asked.text("content", 44002)
    if len(text) > TEXT_LIMIT:
        raise Refusal(45002)
    world.expect_recent(openid)
    suggest, label, word = "pass", GOOD, None
    for verdict, words in (("review", REVIEW), ("risky", RISKY)):
        for found in (listed for listed in words if listed in text):
            suggest, label, word = verdict, words[found], found
    detail: list[dict[str, Any]] = [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}]
    if word:
        detail.append({"strategy": "keyword", "errcode": 0, "keyword": word, "level": 90})
    result = {"suggest": suggest, "label": label}
    return {"errcode": 0, "errmsg": "ok", "trace_id": _trace(), "result": result, "detail": detail}


def check_media(world: World, asked: Asked) -> dict[str, Any]:
    """Takes the order. The verdict is pushed later, where a target is set; `/_simulator/media_results` can give another one before."""
    openid = _judged_person(world, asked)
    url = urlsplit(asked.text("media_url", 44002))
    if url.scheme not in ("http", "https") or not url.netloc:
        raise Refusal(40097, "media_url")
    kind = asked.number("media_type", range(1, 3), 40097)
    world.expect_recent(openid)
    trace = _trace()
    world.media_checks.append({"trace_id": trace, "openid": openid, "media_type": kind, "media_url": url.geturl()})
    if world.manners.media_suggest != "never":
        push_verdict(world, trace, world.manners.media_suggest, seconds=world.manners.media_seconds)
    return {"errcode": 0, "errmsg": "ok", "trace_id": trace}


def push_verdict(world: World, trace: str, suggest: str, *, seconds: float = 0.0, errcode: int = 0) -> bool:
    """Has the result of a check pushed, instead of any that is still due; False for a check that nobody asked for.

    The label is a text here, though the check of texts gives a number.
    """
    order = next((order for order in world.media_checks if order["trace_id"] == trace), None)
    if order is None:
        return False
    world.forget_due(trace)
    facts: dict[str, Any] = {"appid": world.appid, "trace_id": trace, "version": 2}
    label = str(LABELS.get(suggest, GOOD))
    if errcode:
        facts |= {"errcode": errcode, "errmsg": "download error", "detail": []}
    else:
        detail = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
        facts |= {"result": {"suggest": suggest, "label": label}, "detail": [detail]}
    world.later(order["openid"], "wxa_media_check", seconds, fetch=None if errcode else order["media_url"], **facts)
    return True


def picture(world: World, asked: Asked) -> bytes:
    """An ordinary QR code of page and scene, as PNG, as near to the width as its modules allow."""
    scene = asked.text("scene", 40169)
    if not SCENE.fullmatch(scene):
        raise Refusal(40169)
    page = asked.body.get("page", "pages/index/index")
    if not isinstance(page, str) or not page or page.startswith("/") or "?" in page or len(page) > PAGE_LIMIT:
        raise Refusal(41030)
    width = asked.number("width", range(280, 1_281), 40097, default=430)
    if asked.body.get("env_version", "release") not in VERSIONS:
        raise Refusal(40097, "env_version")
    if asked.body.get("check_path", True) is not False and not world.manners.published:
        raise Refusal(41030)
    code = segno.make(f"{page}?scene={scene}", error="m")
    out = io.BytesIO()
    code.save(out, kind="png", scale=max(1, width // code.symbol_size()[0]))
    return out.getvalue()


def url_link(world: World, asked: Asked) -> dict[str, Any]:
    _expect_page(world, asked.body)
    if asked.number("expire_type", range(2), 85401, default=0) == 1 or "expire_time" in asked.body:
        _expect_end(world, asked)
    return {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}


def scheme(world: World, asked: Asked) -> dict[str, Any]:
    """Links that never expire have a quota of their own for all time, which is always used up here: our side must not ask for them."""
    target = asked.body.get("jump_wxa", {})
    if not isinstance(target, dict):
        raise Refusal(47001, "jump_wxa")
    _expect_page(world, target)
    if asked.body.get("is_expire") is not True:
        raise Refusal(85400)
    _expect_end(world, asked)
    return {"errcode": 0, "errmsg": "ok", "openlink": f"weixin://dl/business/?t={secrets.token_urlsafe(8)}"}


def _expect_page(world: World, target: Mapping[str, Any]) -> None:
    path, query = target.get("path", ""), target.get("query", "")
    if not isinstance(path, str) or path.startswith("/") or "?" in path or len(path) > PAGE_LIMIT:
        raise Refusal(40165)
    if not isinstance(query, str) or len(query) > QUERY_LIMIT or not re.fullmatch(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*", query):
        raise Refusal(40212)
    if target.get("env_version", "release") not in VERSIONS:
        raise Refusal(40097, "env_version")
    if not world.manners.published:
        raise Refusal(85079)


def _expect_end(world: World, asked: Asked) -> None:
    """Thirty days at most, counted in days or in seconds: a time in milliseconds is far too late."""
    if asked.number("expire_type", range(2), 85401, default=0) == 1:
        asked.number("expire_interval", range(1, DAYS_LIMIT + 1), 85401)
    else:
        now = int(world.clock())
        asked.number("expire_time", range(now + 60, now + DAYS_LIMIT * 86_400 + 1), 85401)


def _judged_person(world: World, asked: Asked) -> str:
    """The order of WeChat's own checks is not known; ours is version, scene, person."""
    asked.number("version", range(2, 3), 40097)
    asked.number("scene", range(1, 5), 40129)
    return world.expect_openid(asked.text("openid", 40003))


def _trace() -> str:
    return f"{secrets.token_hex(4)}-{secrets.token_hex(4)}-{secrets.token_hex(4)}"


CALLS = (
    Call("/wxa/msg_sec_check", check_text),
    Call("/wxa/media_check_async", check_media),
    Call("/wxa/getwxacodeunlimit", picture),
    Call("/wxa/generate_urllink", url_link),
    Call("/wxa/generatescheme", scheme),
)
