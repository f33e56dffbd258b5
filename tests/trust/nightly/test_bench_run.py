"""The comparison of speeds as it is run, with as little as it takes: no figure of it says anything, all of it works."""

import json
import subprocess
import sys
from pathlib import Path

from app.demo.own_server import ROOT

TINY = ("--quick", "--only", "/points/me", "--seconds", "0.3", "--repetitions", "1", "--items", "8", "--connections", "2")
MINUTES = 5


def test_all_three_are_measured(tmp_path: Path) -> None:
    kept = tmp_path / "bench.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "app.bench", *TINY, "--json", str(kept)], cwd=ROOT, capture_output=True, text=True, timeout=60 * MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    results = [(one["operation"], one["peer"]) for one in lines if one["kind"] == "result"]
    assert results == [(name, peer) for name in ("GET /points/me", "GET /points/me/entries") for peer in ("service", "bare", "pgbench")]
    assert [one["met"] for one in lines if one["kind"] == "ratio"][1] is None
    assert all(one["requests"] > 0 and one["p50_ms"] > 0 for one in lines if one["kind"] == "result")
