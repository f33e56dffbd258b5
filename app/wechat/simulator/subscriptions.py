"""Subscription messages: every value is judged by the kind that its key names."""

import re
import secrets
from typing import Any

from app.wechat.simulator.protocol import Asked, Call
from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import World

TEMPLATE = re.compile(r"[\w-]{8,64}", re.ASCII)
KEY = re.compile(r"([a-z_]+?)[0-9]+")
DATE = r"\d{4}(年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2}|\.\d{1,2}\.\d{1,2})"
HOUR = r"([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?"
MOMENT = rf"({DATE}\s?({HOUR})?|{HOUR})"
KINDS = {
    "thing": r".{1,20}",
    "number": r"(?=.{1,32}$)-?\d+(\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": r"[^\w\s]{1,5}",
    "character_string": r"[\x21-\x7e]{1,32}",
    "time": rf"{MOMENT}(\s?~\s?{MOMENT})?",
    "date": rf"{DATE}(\s{HOUR})?(\s?~\s?{DATE}(\s{HOUR})?)?",
    "amount": r"[¥￥$€£]?\d{1,10}(\.\d{1,2})?元?",
    "phone_number": r"[\d+()#*-]{1,17}",
    "car_number": r"\w{1,8}",
    "name": r"[一-鿿·*]{1,10}|[A-Za-z .*]{1,20}",
    "phrase": r"[一-鿿]{1,5}",
    "enum": r".{1,20}",
    "const": r".{1,20}",
}
STATES, LANGUAGES = {"formal", "trial", "developer"}, {"zh_CN", "en_US", "zh_HK", "zh_TW"}


def send(world: World, asked: Asked) -> dict[str, Any]:
    """Everybody permits everything, unless `/_simulator/permissions` said how often."""
    openid = world.expect_openid(asked.text("touser", 40003))
    template = asked.text("template_id", 40037)
    if not TEMPLATE.fullmatch(template):
        raise Refusal(40037)
    page = asked.body.get("page", "")
    if not isinstance(page, str) or len(page) > 1_024 or page.startswith("/"):
        raise Refusal(41030)
    if asked.body.get("miniprogram_state", "formal") not in STATES or asked.body.get("lang", "zh_CN") not in LANGUAGES:
        raise Refusal(47003)
    data = asked.body.get("data")
    if not isinstance(data, dict) or not data:
        raise Refusal(47003, "data must be an object")
    for key, value in data.items():
        _expect_value(key, value)
    _take_permission(world, openid, template)
    world.sent.append({"touser": openid, "template_id": template, "page": page or None, "data": data})
    return {"errcode": 0, "errmsg": "ok", "msgid": secrets.randbits(60)}


def _expect_value(key: str, value: Any) -> None:
    """Raises Refusal(47003) naming the field. Line breaks, stray spaces and empty values fit no kind."""
    named = KEY.fullmatch(key)
    pattern = KINDS.get(named[1]) if named else None
    text = value.get("value") if isinstance(value, dict) else None
    if pattern is None or not isinstance(text, str) or text != text.strip() or not re.fullmatch(pattern, text):
        raise Refusal(47003, f"data.{key}.value invalid")


def _take_permission(world: World, openid: str, template: str) -> None:
    left = world.permissions.get((openid, template))
    if left is None:
        return
    if left < 1:
        raise Refusal(43101)
    world.permissions[openid, template] = left - 1


CALLS = (Call("/cgi-bin/message/subscribe/send", send),)
