"""Content checks, codes to scan, and links."""

import io
import re
import secrets
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
SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
VERSIONS = ("release", "trial", "develop")
PAGE_LIMIT, QUERY_LIMIT, DAYS_LIMIT = 1_024, 1_024, 30


def check_text(world: World, asked: Asked) -> dict[str, Any]:
    """The words decide: `RISKY` and `REVIEW` above, everything else passes."""
    openid = _judged_person(world, asked)
    text = asked.text("content", 44002)
    if len(text) > TEXT_LIMIT:
        raise Refusal(45002)
    world.text_checks.count()
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
    """Takes the order. No result is pushed: tests push it themselves, with the trace_id that `/_simulator/media_checks` lists."""
    openid = _judged_person(world, asked)
    url = urlsplit(asked.text("media_url", 44002))
    if url.scheme not in ("http", "https") or not url.netloc:
        raise Refusal(40097, "media_url")
    kind = asked.number("media_type", range(1, 3), 40097)
    world.media_check_calls.count()
    world.expect_recent(openid)
    trace = _trace()
    world.media_checks.append({"trace_id": trace, "openid": openid, "media_type": kind, "media_url": url.geturl()})
    return {"errcode": 0, "errmsg": "ok", "trace_id": trace}


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
    world.pictures.count()
    code = segno.make(f"{page}?scene={scene}", error="m")
    out = io.BytesIO()
    code.save(out, kind="png", scale=max(1, width // code.symbol_size()[0]))
    return out.getvalue()


def url_link(world: World, asked: Asked) -> dict[str, Any]:
    path, query = asked.body.get("path", ""), asked.body.get("query", "")
    if not isinstance(path, str) or path.startswith("/") or "?" in path or len(path) > PAGE_LIMIT:
        raise Refusal(40165)
    if not isinstance(query, str) or len(query) > QUERY_LIMIT or not re.fullmatch(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*", query):
        raise Refusal(40212)
    if asked.body.get("env_version", "release") not in VERSIONS:
        raise Refusal(40097, "env_version")
    if asked.number("expire_type", range(2), 85401, default=0) == 1:
        asked.number("expire_interval", range(1, DAYS_LIMIT + 1), 85401)
    elif "expire_time" in asked.body:
        now = int(world.clock())
        asked.number("expire_time", range(now + 60, now + DAYS_LIMIT * 86_400 + 1), 85401)
    world.links.count()
    return {"errcode": 0, "errmsg": "ok", "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}


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
)
