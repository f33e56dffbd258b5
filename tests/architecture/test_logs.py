"""A failure is logged with its kind and place, never with its text or the variables around it."""

import io
import json
import logging
import sys

import structlog

from app import observability
from app.observability import get_logger

SECRET = "13800138000"


def test_a_failure_tells_where_and_not_what(monkeypatch) -> None:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        observability.configure("test")
        try:
            phone = SECRET
            raise ValueError(f"bad phone {phone}")
        except ValueError as error:
            get_logger("here").error("request.failed", exc_info=error)
    finally:
        structlog.configure(**before)
        root.handlers, root.level = handlers, level
        structlog.contextvars.clear_contextvars()
    line = json.loads(written.getvalue())
    assert SECRET not in written.getvalue()
    assert line["event"] == "request.failed"
    assert line["exception"][0]["type"] == "ValueError"
    assert "test_logs.py" in line["exception"][0]["at"][-1]
