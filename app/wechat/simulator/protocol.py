"""How WeChat is asked: the access token in the query, an object in the body. `refusal` says how it says no."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.wechat.simulator.refusal import Refusal
from app.wechat.simulator.world import World

BODY_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: its query, and the object in its body."""

    query: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)

    def text(self, name: str, missing: int = 47001) -> str:
        """A text that the body must have, not empty. Raises Refusal."""
        value = self.body.get(name)
        if value is None or value == "":
            raise Refusal(missing, name)
        if not isinstance(value, str):
            raise Refusal(47001, name)
        return value

    def number(self, name: str, allowed: range, wrong: int, default: int | None = None) -> int:
        value = self.body.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            raise Refusal(wrong, name)
        return value


@dataclass(frozen=True, slots=True)
class Call:
    """One path of the API. `handle` returns what becomes JSON, or the bytes of a picture.

    `alone` names the field of the body whose person takes one call at a time.
    """

    path: str
    handle: Callable[[World, Asked], dict[str, Any] | bytes]
    method: str = "POST"
    with_token: bool = True
    media_type: str = "application/json; encoding=utf-8"
    alone: str | None = None
