"""What the tests of a check say about it, as one line for people and one for programs. Nothing runs here."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.trust.goals import GOALS, TIERS, Goal

NO_TEST = "no test yet"
KEPT = ("pass", "FAIL", "refused", "NOT CAUGHT")  # what --resume takes over: a failure is not rolled again until it is green


@dataclass
class Shown:
    """One test's end. `outcome`: passed, failed or skipped; `lost` for one that was to run and of which nothing was heard."""

    id: str
    shows: list[tuple[str, str, str]]  # kind (check, variant, or part of a check), check, tier
    outcome: str = "lost"
    seconds: float = 0.0
    measured: list[tuple[str, Any, str]] = field(default_factory=list)
    why: str = ""

    def tier_for(self, kind: str, check: str, *, parts: bool = True) -> str | None:
        kinds = (kind, "part") if kind == "check" and parts else (kind,)
        tiers = [tier for its_kind, its_check, tier in self.shows if its_kind in kinds and its_check == check]
        return max(tiers, key=TIERS.index) if tiers else None


@dataclass(frozen=True)
class Score:
    check: str
    kind: str
    tier: str
    outcome: str
    why: str = ""
    measured: tuple[tuple[str, Any, str], ...] = ()
    seconds: float = 0.0

    @property
    def line(self) -> str:
        said = self.outcome + (f" ({self.why})" if self.why else "")
        goal = GOALS[self.check]
        if self.kind == "variant":
            return f"{self.check}  {goal.name:<26}  variant {said}"
        return f"{self.check}  {goal.name:<26}  goal: {goal.goal}  measured: {_figures(self.measured) or '-'}  {said}"


def read(lines: Iterable[str], expected: Iterable[Shown] = ()) -> dict[str, Shown]:
    """The tests of a report by name; those that were expected and are not in it stay `lost`."""
    tests = {test.id: Shown(test.id, test.shows) for test in expected}
    for told in map(json.loads, lines):
        if told["when"] in ("found", "collect"):
            continue
        test = tests.setdefault(told["test"], Shown(told["test"], []))
        test.shows = [(kind, check, tier) for kind, check, tier in told["shows"]]
        test.measured = [(what, value, unit) for what, value, unit in told["measured"]] or test.measured
        test.seconds += told["seconds"]
        _put_together(test, told)
    return tests


def _put_together(test: Shown, told: Mapping[str, Any]) -> None:
    """A test has passed when its body has, and nothing before or after it said otherwise."""
    if told["outcome"] == "passed":
        if told["when"] == "call" and test.outcome == "lost":
            test.outcome = "passed"
    elif test.outcome != "failed":
        test.outcome, test.why = told["outcome"], told["why"]


def found(lines: Iterable[str]) -> tuple[dict[str, Shown], list[str]]:
    """What a collection has seen: the marked tests, and the files that do not load."""
    told = [json.loads(line) for line in lines]
    marked = [one for one in told if one["when"] == "found" and one["shows"]]
    tests = {one["test"]: Shown(one["test"], [(a, b, c) for a, b, c in one["shows"]]) for one in marked}
    return tests, [one["test"] for one in told if one["when"] == "collect"]


def judge(check: str, kind: str, tier: str, tests: Sequence[Shown]) -> Score:
    """`tests`: all that show this check and were to run in a run of this tier."""
    goal = GOALS[check]
    outcome, why = _variant(tests) if kind == "variant" else _check(goal, tier, tests)
    figures = tuple(figure for test in tests for figure in test.measured)
    return Score(check, kind, tier, outcome, why, figures, round(sum(test.seconds for test in tests), 1))


def _check(goal: Goal, tier: str, tests: Sequence[Shown]) -> tuple[str, str]:
    for test in tests:
        if test.outcome in ("failed", "lost"):
            return "FAIL", _said(test)
    deciding = goal.deciding(tier)
    small = f"; {sum(test.outcome == 'passed' for test in tests)} tests of parts of it pass" if tests else ""
    if deciding is None:
        return "not run", f"tier {goal.tiers[0]}{small}"
    whole = [(test, test.tier_for("check", goal.id, parts=False)) for test in tests]
    at_it = [test for test, its in whole if its and TIERS.index(its) >= TIERS.index(deciding)]
    if not at_it:
        return "not run", NO_TEST + small
    for test in at_it:
        if test.outcome == "skipped":
            return "not run", test.why
    return "pass", ""


def _variant(tests: Sequence[Shown]) -> tuple[str, str]:
    for test in tests:
        if test.outcome in ("failed", "lost"):
            return "NOT CAUGHT", _said(test)
    for test in tests:
        if test.outcome == "skipped":
            return "not run", test.why
    return ("refused", "") if tests else ("none", "")


def _said(test: Shown) -> str:
    return f"{test.id.rpartition('/')[2]}: {test.why or 'did not come to its end'}"


def _figures(measured: Iterable[tuple[str, Any, str]]) -> str:
    """Each name once: where it was measured several times, from the least to the greatest."""
    by_name: dict[tuple[str, str], list[Any]] = {}
    for what, value, unit in measured:
        by_name.setdefault((what, unit), []).append(value)
    return ", ".join(f"{what} {_span(values)}{' ' * bool(unit)}{unit}" for (what, unit), values in by_name.items())


def _span(values: list[Any]) -> str:
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    if len(shown) > 1 and all(isinstance(value, int | float) for value in values):
        least, greatest = shown[values.index(min(values))], shown[values.index(max(values))]
        return least if least == greatest else f"{least}..{greatest}"
    return " / ".join(dict.fromkeys(shown))


def total(scores: Iterable[Score]) -> str:
    scores = list(scores)
    if scores and scores[0].kind == "variant":
        return f"refused {sum(one.outcome == 'refused' for one in scores)} / {len(GOALS)}"
    return f"passed {sum(one.outcome == 'pass' for one in scores)} / {len(GOALS)}"


def bad(score: Score) -> bool:
    return score.outcome in ("FAIL", "NOT CAUGHT")


class Book:
    """The scores of all runs, a line each; the last one of a commit counts."""

    def __init__(self, path: Path, commit: str) -> None:
        self.path, self.commit = path, commit
        path.parent.mkdir(parents=True, exist_ok=True)

    def keep(self, score: Score, at: str) -> None:
        told = {
            "check": score.check, "kind": score.kind, "tier": score.tier, "outcome": score.outcome, "why": score.why,
            "measured": score.measured, "seconds": score.seconds, "commit": self.commit, "at": at,
        }
        with self.path.open("a") as out:
            out.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")

    def known(self, kind: str, tier: str) -> dict[str, Score]:
        """What this commit has already shown in this tier."""
        if not self.path.exists():
            return {}
        scores = {}
        for told in map(json.loads, self.path.read_text().splitlines()):
            if (told["commit"], told["kind"], told["tier"]) == (self.commit, kind, tier) and told["outcome"] in KEPT:
                measured = tuple((what, value, unit) for what, value, unit in told["measured"])
                scores[told["check"]] = Score(told["check"], kind, tier, told["outcome"], told["why"], measured, told["seconds"])
        return scores
