"""Values of subscription messages, cut to what WeChat takes: one value that does not fit stops the whole message (47003)."""

import re

LIMITS = {"thing": 20, "name": 10, "phrase": 5, "character_string": 32, "letter": 32, "number": 32, "phone_number": 17, "car_number": 8}
NOTHING = "无"


def fitted(data: dict[str, str]) -> dict[str, dict[str, str]]:
    """`{"thing1": text}` as WeChat wants it: one line, never empty, not longer than the key's kind allows."""
    return {key: {"value": _fit(key.rstrip("0123456789"), value)} for key, value in data.items()}


def _fit(kind: str, value: str) -> str:
    line = re.sub(r"\s+", " ", value).strip()
    limit = LIMITS.get(kind)
    if limit is None or len(line) <= limit:
        return line or NOTHING
    return line[: limit - 3] + "…" if kind == "thing" else line[:limit]
