"""pytest in processes of their own: each with a time limit, and nothing of it left when it is over."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.service import ROOT, descendants, lives
from tests.trust import scoreboard
from tests.trust.scoreboard import Shown

LIMIT_SECONDS = {"P": 900, "N": 2_400, "R": 9_000}  # of one process: all of tier P together, the others check by check
COLLECT_SECONDS = 180
PARTING_SECONDS = 60
ON_TWO = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
DIFF = ["git", "diff", "HEAD", "--", "app", "migrations", "scripts", "tests", "pyproject.toml", "requirements-test.txt"]
NEW = ["git", "ls-files", "--others", "--exclude-standard", "app", "migrations", "scripts", "tests"]


@dataclass(frozen=True)
class Runner:
    """`logs`: a folder for what each process said."""

    logs: Path

    def collect(self, tier: str, paths: Sequence[str] = ("tests",)) -> tuple[dict[str, Shown], list[str]]:
        report = self._pytest("collect", ["--collect-only", "-q", "--trust-tier", tier, *paths], COLLECT_SECONDS)
        return scoreboard.found(report)

    def all_at_once(self, kind: str, tests: Sequence[Shown], checks: Sequence[str]) -> dict[str, Shown]:
        """Those of tier P: two processes over their files."""
        files = sorted({test.id.partition("::")[0] for test in tests})
        only = [part for check in checks for part in ("--trust-check", check)]
        asked = [*ON_TWO, "--trust-kind", kind, "--trust-tier", "P", *only, *files]
        return scoreboard.read(self._pytest(f"P-{kind}", asked, LIMIT_SECONDS["P"]), tests)

    def one_check(self, check: str, kind: str, tier: str, tests: Sequence[Shown]) -> dict[str, Shown]:
        asked = ["--trust-tier", tier, *(test.id for test in tests)]
        return scoreboard.read(self._pytest(f"{check}-{kind}", asked, LIMIT_SECONDS[tier]), tests)

    def _pytest(self, name: str, arguments: Sequence[str], limit: float) -> list[str]:
        """The lines of its report, also when it had to be ended."""
        self.logs.mkdir(parents=True, exist_ok=True)
        report = self.logs / f"{name}.jsonl"
        report.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
        with (self.logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--trust-report", str(report), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )
            try:
                process.wait(limit)
            except subprocess.TimeoutExpired:
                log.write(f"\nended by scripts/trust: more than {limit:.0f} s\n".encode())
            finally:
                end(process)
        return report.read_text().splitlines() if report.exists() else []


def end(process: "subprocess.Popen[bytes]") -> None:
    """Asks first, so that it ends its own servers; whatever of it lives on then is killed, by its own number."""
    if process.poll() is not None:
        return
    family = descendants({process.pid})
    process.send_signal(signal.SIGINT)
    try:
        process.wait(PARTING_SECONDS)
    except subprocess.TimeoutExpired:
        family |= descendants({process.pid})
    for pid in family:
        if lives(pid):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def commit() -> str:
    """HEAD; and where the tree differs from it, a mark of how."""
    head = _git("git", "rev-parse", "--short=12", "HEAD").decode().strip()
    changes = hashlib.sha256(changed := _git(*DIFF))
    for name in sorted(_git(*NEW).decode().split()):
        changed += name.encode()
        changes.update(name.encode() + (ROOT / name).read_bytes())
    return f"{head}+{changes.hexdigest()[:8]}" if changed else head


def _git(*command: str) -> bytes:
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return asked.stdout if asked.returncode == 0 else b"unknown"
