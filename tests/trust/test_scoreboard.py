"""The scoreboard itself: only what ran and passed has passed, and what is asked for twice runs once."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.service import ROOT
from tests.trust import scoreboard
from tests.trust.__main__ import run
from tests.trust.runs import Runner
from tests.trust.scoreboard import Book, Shown

CASES = """
import pytest

@pytest.fixture
def broken_end():
    yield
    raise AssertionError("left something behind")

@pytest.mark.check("S05", "S06", tier="N")
def test_good(measured):
    measured("looks", 3)
    measured("back", 1.25, "s")

@pytest.mark.check("S05", tier="P")
def test_small(measured):
    measured("looks", 5)

@pytest.mark.check("S07", tier="N")
def test_bad():
    assert 1 == 2, "lost one"

@pytest.mark.check("S19", tier="P")
def test_skipped():
    pytest.skip("needs root")

@pytest.mark.check("S12", tier="P")
def test_only_small():
    pass

@pytest.mark.check("S21", tier="P", part=True)
def test_a_part():
    pass

@pytest.mark.check("S20", tier="P")
def test_bad_end(broken_end):
    pass

@pytest.mark.check("S11", tier="R")
def test_not_tonight():
    raise AssertionError("was run")

@pytest.mark.variant("S05", tier="N")
def test_variant():
    raise AssertionError("was run")
"""


class Small(Runner):
    """The same plugin over one file of cases, without the suite's server."""

    started = 0

    def _pytest(self, name: str, arguments: list[str], limit: float) -> list[str]:  # type: ignore[override]
        self.__class__.started += 1
        report = self.logs / f"{name}.jsonl"
        asked = [one for one in arguments if one not in ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "tests")]
        files = [] if any(".py" in one for one in asked) else ["test_cases.py"]
        plain = ["-p", "tests.trust.plugin", "-p", "no:xdist", "-p", "no:asyncio", "-p", "no:anyio", "-c", str(self.logs / "pytest.ini")]
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *plain, "--trust-report", str(report), *asked, *files], cwd=self.logs, check=False,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL, timeout=60,
        )
        return report.read_text().splitlines()


@pytest.fixture
def runner(tmp_path: Path) -> Small:
    (tmp_path / "test_cases.py").write_text(CASES)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    check\n    variant\n")
    return Small(tmp_path)


def test_only_what_ran_and_passed_has_passed(runner: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book, checks = Book(tmp_path / "kept" / "trust.jsonl", "abc"), ["S05", "S06", "S07", "S08", "S11", "S12", "S19", "S20", "S21"]
    assert run(runner, book, tier="N", kind="check", checks=checks, resume=False) == 1
    said = {line[:3]: line for line in capsys.readouterr().out.splitlines()}
    assert said["S05"].endswith("measured: looks 3..5, back 1.25 s  pass") and said["S06"].endswith("  pass")
    assert "FAIL (test_cases.py::test_bad: AssertionError: lost one" in said["S07"]
    assert "FAIL (test_cases.py::test_bad_end: AssertionError: left something behind" in said["S20"]
    assert said["S08"].endswith("not run (tier R)") and said["S11"].endswith("not run (tier R)")
    assert said["S19"].endswith("not run (needs root)")
    assert said["S12"].endswith("not run (no test yet; 1 tests of parts of it pass)")
    assert said["S21"].endswith("not run (no test yet; 1 tests of parts of it pass)")
    assert said["pas"] == "passed 2 / 44"
    began = Small.started
    assert run(runner, book, tier="N", kind="check", checks=["S05", "S07"], resume=True) == 1  # a failure is not rolled again
    assert Small.started == began and "passed 1 / 44" in capsys.readouterr().out
    assert Book(book.path, "def").known("check", "N") == {}


def test_what_was_to_run_and_was_not_heard_of_has_failed() -> None:
    """The process died, or was ended after its time."""
    lost = scoreboard.read([], [Shown("a.py::test_one", [("check", "S05", "N")])])
    assert scoreboard.judge("S05", "check", "N", list(lost.values())).outcome == "FAIL"


def test_a_variant_is_refused_by_a_green_test_only() -> None:
    ends = {"passed": "refused", "failed": "NOT CAUGHT", "lost": "NOT CAUGHT", "skipped": "not run"}
    for outcome, said in ends.items():
        assert scoreboard.judge("S05", "variant", "N", [Shown("a", [("variant", "S05", "N")], outcome)]).outcome == said
    assert scoreboard.judge("S05", "variant", "N", []).line.endswith("variant none")
