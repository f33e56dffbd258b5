"""What goes into a message and into its copy, and what WeChat's events say. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app import clock

NO_NUMBER = "-"  # a character_string takes no Chinese, and an empty value stops the whole message


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def fill(fields: dict[str, Any], *, title: str, number: str | None, at: datetime) -> dict[str, str]:
    """The values of a subscription message. The body of a message never leaves: a template can only name these three."""
    known = {"title": title, "number": number or NO_NUMBER, "at": clock.local(at).strftime("%Y年%m月%d日 %H:%M")}
    return {key: str(text).format_map(known) for key, text in fields.items()}


def lines(payload: Mapping[str, Any], wrapper: str) -> list[Mapping[str, Any]]:
    """The lines of a subscription event. From JSON `List` stands in the event itself, from XML in `wrapper`; one line may stand alone."""
    inner = payload.get(wrapper)
    found = inner.get("List") if isinstance(inner, Mapping) else payload.get("List")
    return [line for line in (found if isinstance(found, list) else [found]) if isinstance(line, Mapping)]


def answer(line: Mapping[str, Any]) -> bool | None:
    """Whether a line permits or forbids; None for one that says neither, such as a message that arrived."""
    said = line.get("SubscribeStatusString")
    if said is not None:
        return str(said) == "accept"
    return False if "refuse" in str(line.get("ErrorStatus", "")).lower() else None
