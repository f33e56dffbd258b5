"""Subscription messages: every value is judged by the kind that its key names."""

import re
import secrets
from dataclasses import replace
from typing import Any

from app.wechat.simulator.content import RISKY
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
    """Takes one permission. Whether the phone lets the message through is pushed afterwards, where a target is set."""
    openid = world.expect_openid(asked.text("touser", 40003))
    template = asked.text("template_id", 40037)
    if not TEMPLATE.fullmatch(template) or (world.templates and template not in world.templates):
        raise Refusal(40037)
    page = asked.body.get("page", "")
    if not isinstance(page, str) or len(page) > 1_024 or page.startswith("/"):
        raise Refusal(41030)
    if asked.body.get("miniprogram_state", "formal") not in STATES or asked.body.get("lang", "zh_CN") not in LANGUAGES:
        raise Refusal(47003)
    data = asked.body.get("data")
    if not isinstance(data, dict) or not data:
        raise Refusal(47003, "data must be an object")
    for key in sorted(world.templates.get(template, frozenset(data)) ^ set(data)):
        raise Refusal(47003, f"data.{key} is missing or not of the template")
    for key, value in data.items():
        _expect_value(key, value)
    _take_permission(world, openid, template)
    message = secrets.randbits(60)
    world.sent.append({"touser": openid, "template_id": template, "page": page or None, "data": data, "msgid": message})
    _tell(world, openid, template, message)
    return {"errcode": 0, "errmsg": "ok", "msgid": message}


def decide(world: World, openid: str, template: str, answer: str) -> None:
    """What a person does on the phone: `accept` in the popup permits one message more, `reject` none; `off` in WeChat's settings ends all
    permissions, and `mute` lets WeChat take messages that the phone then refuses.
    """
    left = world.permissions.get((openid, template), 0)
    world.permissions[openid, template] = {"accept": left + 1, "off": 0}.get(answer, left)
    if answer in ("accept", "mute"):
        world.people[openid] = replace(world.person(openid), muted=answer == "mute")
    if answer in ("accept", "reject"):
        line = {"TemplateId": template, "SubscribeStatusString": answer, "PopupScene": "0"}
        world.later(openid, "subscribe_msg_popup_event", List=[line])
    elif answer == "off":
        world.later(openid, "subscribe_msg_change_event", List=[{"TemplateId": template, "SubscribeStatusString": "reject"}])


def _tell(world: World, openid: str, template: str, message: int) -> None:
    code, status = ("3", "user refuse") if world.person(openid).muted else ("0", "success")
    line = {"TemplateId": template, "MsgID": str(message), "ErrorCode": code, "ErrorStatus": status}
    world.later(openid, "subscribe_msg_sent_event", List=[line])


def _expect_value(key: str, value: Any) -> None:
    """Raises Refusal(47003) naming the field. Line breaks, stray spaces and empty values fit no kind."""
    named = KEY.fullmatch(key)
    pattern = KINDS.get(named[1]) if named else None
    text = value.get("value") if isinstance(value, dict) else None
    if pattern is None or not isinstance(text, str) or text != text.strip() or not re.fullmatch(pattern, text):
        raise Refusal(47003, f"data.{key}.value invalid")
    if any(word in text for word in RISKY):
        raise Refusal(45168, f"data.{key}.value")


def _take_permission(world: World, openid: str, template: str) -> None:
    left = world.permissions.get((openid, template))
    if left is None and world.manners.grants == "free":
        return
    left = left or 0
    if left < 1:
        raise Refusal(43101)
    world.permissions[openid, template] = left - 1


CALLS = (Call("/cgi-bin/message/subscribe/send", send, alone="touser"),)
