"""One line of JSON an event, whatever is in it; of a failure its kind and place, never its text or the variables around it."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import httpx
import pytest
import structlog
from structlog.testing import capture_logs

from app import observability
from app.observability import get_logger

SECRET = "13800138000"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process writes that has configured its log."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    try:
        observability.configure("test")
        yield stream
    finally:
        structlog.configure(**before)
        root.handlers, root.level = handlers, level
        structlog.contextvars.clear_contextvars()


def test_a_failure_tells_where_and_not_what(written: io.StringIO) -> None:
    try:
        phone = SECRET
        raise ValueError(f"bad phone {phone}")
    except ValueError as error:
        get_logger("here").error("request.failed", exc_info=error)
    line = json.loads(written.getvalue())
    assert SECRET not in written.getvalue()
    assert line["event"] == "request.failed"
    assert line["exception"][0]["type"] == "ValueError"
    assert "test_logs.py" in line["exception"][0]["at"][-1]


DRAWN = "0123456789abcdef0123456789abcdef"
OBEYED = "\r\n\t\x00\x1b[2J\x7f\x85\x9b31m\u2028\u2029\u202e\u2066\ufeff\ud800"
SENT = OBEYED[:-1]  # pytest keeps what passes this way, and its processes cannot send each other half a character


def test_no_character_that_a_terminal_obeys_is_written(written: io.StringIO) -> None:
    """Whoever reads the log would see lines that nobody wrote. The writer that escapes what JSON asks for alone lets them through."""
    get_logger("here").warning("said.something", word=f"王{OBEYED}{{\"event\":\"faked\"}}")
    logging.getLogger("sqlalchemy.pool").warning("to %s", SENT)
    lines = written.getvalue().split("\n")
    assert len(lines) == 3 and not lines[2] and "王" in lines[0]
    assert not set(OBEYED) & (set(written.getvalue()) - {"\n", "[", "2", "J", "3", "1", "m"})
    assert json.loads(lines[0])["word"].startswith(f"王{OBEYED}") and json.loads(lines[1])["event"] == f"to {SENT}"
    assert set(OBEYED) & (set(json.dumps(OBEYED, ensure_ascii=False)) - set("[2J31m"))


async def test_a_request_is_one_line_with_its_template(client: httpx.AsyncClient) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        await client.get(f"/api/v1/reports/{SECRET}?phone={SECRET}", headers={"X-Request-ID": DRAWN})
        await client.get("/health/live", headers={"X-Request-ID": f"phone-{SECRET}"})
    line, chosen = [one for one in lines if one["event"] == "request.served"]
    assert SECRET not in str(chosen) and len(chosen["request_id"]) == 32, "a word that a client chose is not written down"
    assert line.pop("ms") > 0 and line.pop("log_level") == "info"
    assert line == {
        "event": "request.served", "method": "GET", "route": "/api/v1/reports/{report_id}", "status": 401, "request_id": DRAWN,
        "module": "app.middleware.metrics",
    }
