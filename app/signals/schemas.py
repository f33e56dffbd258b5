"""Answers about signals."""

from typing import Any

from pydantic import ConfigDict

from app.schemas import Instant, Out
from app.signals.models import SignalKind


class SignalOut(Out):
    """What a reviewer should look at. It blocks nothing and costs nobody anything."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "kind": "far_from_photo", "text": "照片自述的拍摄位置距上报位置 850 米。", "facts": {"metres": 850}, "at": "2026-11-22T01:30:00Z",
    }]})

    kind: SignalKind
    text: str
    facts: dict[str, Any]
    at: Instant
