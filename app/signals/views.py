"""Rows of signals as answers."""

from typing import Any

from app.signals import workflow
from app.signals.models import ReportSignal


def shown(signal: ReportSignal) -> dict[str, Any]:
    return {"kind": signal.kind, "text": workflow.sentence(signal.kind, signal.facts), "facts": signal.facts, "at": signal.at}
