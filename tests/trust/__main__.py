"""`scripts/trust`: runs the checks of reliability.md that a tier includes, and prints the score."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from tests.trust import scoreboard
from tests.trust.goals import GOALS, TIERS
from tests.trust.runs import Runner, commit
from tests.trust.scoreboard import Book, Score, Shown


def run(runner: Runner, book: Book, *, tier: str, kind: str, checks: Sequence[str], resume: bool) -> int:
    """1 for any FAIL, for a variant that was not caught, and for a test file that does not load."""
    known = book.known(kind, tier) if resume else {}
    open_ones = [check for check in checks if check not in known]
    tests, broken = runner.collect(tier) if open_ones else ({}, [])
    scores = []
    for score in _scores(runner, tests, tier, kind, checks, known):
        scores.append(score)
        _say(score.line)
        if score.check not in known:
            book.keep(score, datetime.now(UTC).isoformat(timespec="seconds"))
    for name in broken:
        _say(f"does not load: {name}")
    _say(scoreboard.total(scores))
    return int(bool(broken) or any(scoreboard.bad(score) for score in scores))


def _scores(
    runner: Runner, tests: dict[str, Shown], tier: str, kind: str, checks: Sequence[str], known: dict[str, Score]
) -> Iterator[Score]:
    """Tier P in one go; then check by check what is left of it. A test that shows two checks runs once."""
    open_ones = [check for check in checks if check not in known]
    every_push = [test for test in tests.values() if any(test.tier_for(kind, check) == "P" for check in open_ones)]
    done = runner.all_at_once(kind, every_push, open_ones) if every_push else {}
    for check in checks:
        if check in known:
            yield known[check]
            continue
        mine = [test for test in tests.values() if (its := test.tier_for(kind, check)) and TIERS.index(its) <= TIERS.index(tier)]
        fresh = [test for test in mine if test.id not in done]
        if fresh:
            done |= runner.one_check(check, kind, tier, fresh)
        yield scoreboard.judge(check, kind, tier, [done[test.id] for test in mine])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/trust", description="The 44 checks of reliability.md, and the score.")
    parser.add_argument("--tier", choices=TIERS, default="P", help="N includes P, R includes both")
    parser.add_argument("--variants", action="store_true", help="the known-bad variants instead: each must be refused")
    parser.add_argument("--resume", action="store_true", help="take over what this commit has already shown in this tier")
    parser.add_argument("checks", nargs="*", metavar="S01", help="only these")
    chosen = parser.parse_args()
    if unknown := [check for check in chosen.checks if check not in GOALS]:
        parser.error(f"no such check: {', '.join(unknown)}")
    signal.signal(signal.SIGTERM, _interrupted)
    data = Path(os.environ.get("XINXIN_DATA_DIR") or "data").resolve()
    kind = "variant" if chosen.variants else "check"
    checks = sorted(set(chosen.checks)) or list(GOALS)
    book = Book(data / "trust.jsonl", commit())
    return run(Runner(data / "trust"), book, tier=chosen.tier, kind=kind, checks=checks, resume=chosen.resume)


if __name__ == "__main__":
    sys.exit(main())
