"""Marks, figures and tiers of the 44 checks in pytest; tests/conftest.py loads it, `scripts/trust` reads what it writes.

What a test shows travels in its report's properties, because marks do not come back from pytest's other processes.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trust.goals import GOALS, TIERS

NIGHTLY = Path(__file__).parent / "nightly"
Measure = Callable[..., None]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trust")
    group.addoption("--trust-tier", choices=TIERS, default="P", help="collect tests/trust/nightly too, up to this tier")
    group.addoption("--trust-check", action="append", default=[], metavar="S01", help="only the tests of this check; may be repeated")
    group.addoption("--trust-kind", choices=("check", "variant"), help="only checks, or only known-bad variants")
    group.addoption("--trust-exact", action="store_true", help="only what is marked for this very tier")
    group.addoption("--trust-report", metavar="FILE", help="one JSON line for each test: what it shows, its figures, its outcome")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """None lets others decide."""
    return True if config.option.trust_tier == "P" and collection_path.is_relative_to(NIGHTLY) else None


def shown_by(item: pytest.Item) -> list[tuple[str, str, str]]:
    """(kind, check, tier) of all marks of a test. What shows a `part` of a row can fail it, and does not pass it."""
    found = []
    for kind in ("check", "variant"):
        for mark in item.iter_markers(kind):
            tier = mark.kwargs.get("tier", "N" if item.path.is_relative_to(NIGHTLY) else "P")
            if not mark.args or not set(mark.args) <= GOALS.keys() or tier not in TIERS:
                raise pytest.UsageError(f"{item.nodeid}: {kind}{mark.args} of tier {tier} is none of reliability.md's")
            shown = "part" if mark.kwargs.get("part") else kind
            found += [(shown, check, tier) for check in mark.args]
    return found


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    gone: list[pytest.Item] = []
    for item in items:
        shown = shown_by(item)
        item.user_properties += [("shows", list(one)) for one in shown]
        (kept if _wanted(config.option, shown) else gone).append(item)
    if gone:
        items[:] = kept
        config.hook.pytest_deselected(items=gone)


def _wanted(option: Any, shown: list[tuple[str, str, str]]) -> bool:
    asked = TIERS.index(option.trust_tier)
    if not option.trust_kind and not option.trust_check:
        return not shown or any(TIERS.index(tier) <= asked for _, _, tier in shown)
    return any(
        option.trust_kind in (None, "check" if kind == "part" else kind) and (not option.trust_check or check in option.trust_check)
        and (tier == option.trust_tier if option.trust_exact else TIERS.index(tier) <= asked)
        for kind, check, tier in shown
    )


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measure:
    """`measured("back after kill", 1.8, "s")`: a figure for the scoreboard; no judgement."""

    def note(what: str, value: Any, unit: str = "") -> None:
        request.node.user_properties.append(("measured", [what, value, unit]))

    return note


def pytest_configure(config: pytest.Config) -> None:
    if config.option.trust_report and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Reporter(Path(config.option.trust_report)), "trust-reporter")


class Reporter:
    """A test has passed when its set-up, its body and its end have; what never ran is not in the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict.fromkeys(("shows", "measured"), ())
        line = {
            "test": report.nodeid, "when": report.when, "outcome": report.outcome, "seconds": round(report.duration, 2),
            **{name: [value for key, value in report.user_properties if key == name] for name in properties},
            "why": _why(report),
        }
        with self.path.open("a") as out:
            out.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            with self.path.open("a") as out:
                out.write(json.dumps({"test": report.nodeid, "when": "collect", "outcome": "failed", "why": "does not load"}) + "\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What was found, also when it is only looked up; other processes' items come back in their reports alone."""
        with self.path.open("a") as out:
            for item in session.items:
                out.write(json.dumps({"test": item.nodeid, "when": "found", "shows": shown_by(item)}) + "\n")


def _why(report: pytest.TestReport) -> str:
    """The last line of what a failure or a skip says."""
    if report.passed:
        return ""
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    said = str(crash.message if crash else report.longreprtext).strip().splitlines()
    return said[0][:200] if said else "failed"
