"""The checkers see in a history what went wrong, and refuse what is no history."""

from pathlib import Path

import pytest

from tests.trust.rig import history
from tests.trust.rig.history import History


def test_a_history_is_read_back_and_judged(tmp_path: Path) -> None:
    log = History(tmp_path / "history.jsonl")
    good, lost, bad, open_end = [log.invoke(method="POST", path=f"/{n}", key=f"k{n}", body="") for n in range(4)]
    log.note("ok", good, status=201, body="a")
    log.note("unknown", lost, error="ReadError")
    log.note("again", lost, status=503)
    log.note("ok", lost, status=201, body="b")
    log.note("again", bad, status=500)
    log.note("fail", bad, status=409, body="c")
    log.note("unknown", open_end, error="ConnectError")
    calls = history.read(log.path)
    assert [call.unknown for call in calls] == [0, 1, 0, 1]
    assert history.broken(calls) == ["POST /2 500"], "503 is excused, 500 is not"
    assert history.open_ended(calls) == ["POST /3"]
    first, second = calls[0].ended, calls[1].ended
    assert history.served(calls, first) == second - first
    assert history.served(calls, second) is None
    log.note("ok", good, status=201, body="a")
    with pytest.raises(ValueError):
        history.read(log.path)
    log.close()
