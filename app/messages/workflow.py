"""What goes into a message and into its copy, when a copy goes, and what WeChat's events say. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from app import clock
from app.jobs.workflow import Priority

FILLED = ("title", "number", "at")
NO_NUMBER = "-"  # a character_string takes no Chinese, and an empty value stops the whole message


def cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def fill(fields: dict[str, Any], *, title: str, number: str | None, at: datetime) -> dict[str, str]:
    """The values of a subscription message. The body of a message never leaves: a template can only name these three."""
    known = dict(zip(FILLED, (title, number or NO_NUMBER, clock.local(at).strftime("%Y年%m月%d日 %H:%M")), strict=True))
    return {key: str(text).format_map(known) for key, text in fields.items()}


def may_spend(count: int, usefulness: int, levels: Iterable[int]) -> bool:
    """Whether an event may spend one of `count` permissions: it leaves one for each more useful level of the same template.

    So the last permission goes to the most useful kind of event alone, and somebody who keeps saying yes hears of everything.
    """
    return count > len({level for level in levels if level > usefulness})


def priority(*, urgent: bool, bulk: bool) -> Priority:
    """Of the job of a copy, by its moment."""
    return Priority.URGENT if urgent else Priority.BULK if bulk else Priority.NORMAL


def quiet_until(at: datetime, start: time, end: time) -> datetime | None:
    """When the quiet hours end in which an instant lies (Shanghai; they may span midnight); None outside them."""
    local = clock.local(at)
    here = local.time()
    if not (start <= here < end if start <= end else here >= start or here < end):
        return None
    return datetime.combine(local.date() + timedelta(days=int(here >= end)), end, clock.SHANGHAI)


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
