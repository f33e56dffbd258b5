"""The bytes of a pushed message, JSON or XML, as a plain object; nothing of it is believed beyond its shape."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.errors import BadRequest

NAME = re.compile(r"\w{1,64}", re.ASCII)
OWN_IDS = ("MsgId", "trace_id")
PERSON, SEALED = "FromUserName", "Encrypt"
SKELETON = ("MsgType", "Event", "CreateTime", *OWN_IDS)


@dataclass(frozen=True, slots=True)
class Pushed:
    """One message. `identity` is the same for every delivery of it."""

    name: str  # WeChat's Event, or the MsgType of what is no event
    openid: str | None = field(repr=False)
    identity: bytes = field(repr=False)
    content: bytes = field(repr=False)  # what another delivery of it must say too
    payload: dict[str, Any] = field(repr=False)  # without the openid

    def skeleton(self) -> dict[str, Any]:
        """What may be kept of a message that nobody here reads: not its content."""
        return {name: self.payload[name] for name in SKELETON if name in self.payload}


def parse(body: bytes) -> dict[str, Any]:
    """Raises BadRequest unless it is a JSON object, or XML with children (no entities, no DTD)."""
    try:
        data = _from_xml(fromstring(body, forbid_dtd=True)) if body.lstrip()[:1] == b"<" else json.loads(body)
        # Lone surrogates and infinite numbers pass json.loads, but cannot be stored.
        json.dumps(data, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, ParseError, DefusedXmlException, RecursionError, LookupError):
        raise BadRequest("推送内容无法解析") from None
    if not isinstance(data, dict):
        raise BadRequest("推送内容无法解析")
    return data


def read(data: Mapping[str, Any], message: bytes) -> Pushed:
    """`message` is what `data` was parsed from. Raises BadRequest for one without a name.

    In compatible mode a sealed copy stands beside the message, another one in each delivery: it is left out, as the openid is.
    """
    name = data.get("Event") if data.get("MsgType") == "event" or "MsgType" not in data else data.get("MsgType")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadRequest("推送内容缺少事件名称")
    openid = data.get(PERSON)
    own = next((f"{key}:{data[key]}" for key in OWN_IDS if data.get(key)), None)
    payload = {key: value for key, value in data.items() if key not in (PERSON, SEALED)}
    content = json.dumps([openid, payload], sort_keys=True).encode() if SEALED in data else message
    identity = content if own is None else json.dumps([name, str(openid), str(data.get("CreateTime")), own]).encode()
    return Pushed(name, openid if isinstance(openid, str) and openid else None, identity, content, payload)


def _from_xml(element: Element) -> Any:
    """Texts for leaves, objects for the rest; a tag that comes several times is a list."""
    if len(element) == 0:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for child in element:
        value = _from_xml(child)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found
