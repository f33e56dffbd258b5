"""What squawk says to the SQL of every migration: what it warns of is mended, or stands here with a reason (S18).

Released migrations are not edited. That none of them holds anybody up is measured (tests/trust/nightly/test_s18_migrations.py).
"""

import json
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support import migration_log

LINTER = Path(sysconfig.get_path("scripts")) / "squawk"
FIRST_WORDS = ("set local lock_timeout = '5s'",)
# Rules about taste, or that this house keeps in another way.
NOT_OURS = {
    "prefer-text-field": "a length is a limit that the database keeps; making it longer rewrites nothing",
    "prefer-bigint-over-int": "figures of one thing: counts, versions, cents; what counts rows is a UUID or a bigint",
    "prefer-bigint-over-smallint": "ranks and forms whose range a CHECK names",
    "require-statement-timeout": "a wait for a lock ends after 5 s; work that has begun is worth its end",
    "ban-drop-constraint": "each is replaced by a wider one in the next statement",
}
# A lock that forbids writes while rows are looked through, by step. A step is one transaction, so that it is there whole or not at all;
# neither CONCURRENTLY nor a later VALIDATE is possible in one.
REASONS = {
    "new": "the table is new in the same release, or has hundreds of rows: areas, stores, rules, templates",
    "queue": "the queue's tables hold what waits, and are empty most of the time",
    "measured": "of a table that grows: a million rows are looked through in less than a second (measured)",
    "dropped": "an index goes at once, whatever it holds: no row is looked at",
    "released": "was applied before there was a service to hold up",
}


def released(numbers: str) -> dict[str, str]:
    return dict.fromkeys(numbers.split(), "released")


EXCEPTIONS: dict[str, dict[str, str]] = {
    "constraint-missing-not-valid": released("0010 0011 0012 0013 0015 0018 0019 0021 0022 0028 0029 0030 0032 0035 0036 0038 0039 0040")
    | {"0044": "new", "0047": "queue", "0048": "measured"},
    "require-concurrent-index-creation": released("0010 0013 0019 0020 0021 0024 0025 0026 0028 0029 0030 0032 0036 0038 0039")
    | {"0044": "measured", "0048": "measured", "0049": "queue", "0061": "measured"},
    "disallowed-unique-constraint": released("0012 0019"),
    "adding-not-nullable-field": released("0013"),
    "adding-foreign-key-constraint": released("0015 0018 0021 0024 0028 0030 0032 0038 0040") | {"0044": "new"},
    "adding-field-with-default": released("0015"),
    "require-concurrent-index-deletion": released("0024 0029 0036 0039") | {"0064": "dropped"},
}


def findings(steps: Mapping[str, Sequence[str]], folder: Path) -> dict[str, set[str]]:
    """The rules that squawk finds broken, each with the steps that break it."""
    for step, statements in steps.items():
        (folder / f"{step}.sql").write_text(";\n".join(statements) + ";\n")
    told = subprocess.run(
        [LINTER, "--pg-version", "15", "--assume-in-transaction", "--reporter", "json", *sorted(folder.glob("*.sql"))],
        capture_output=True, text=True, check=False, timeout=60,
    )
    found = defaultdict(set)
    for one in json.loads(told.stdout):
        found[one["rule_name"]].add(Path(one["file"]).stem)
    return dict(found)


@pytest.fixture(scope="session")
def steps(database_url: str) -> dict[str, list[str]]:
    """The address is asked for because the notes are there as soon as the template is."""
    return migration_log.of_this_run()


@pytest.mark.check("S18", tier="P")
def test_no_finding_is_open(steps: dict[str, list[str]], tmp_path: Path) -> None:
    found = findings(steps, tmp_path)
    open_ones = {rule: sorted(broken) for rule, broken in found.items() if rule not in NOT_OURS and broken != set(EXCEPTIONS.get(rule, ()))}
    assert not open_ones
    assert found.keys() == {*NOT_OURS, *EXCEPTIONS}, "an exception that nothing needs any more"
    assert {reason for kept in EXCEPTIONS.values() for reason in kept.values()} <= REASONS.keys()


@pytest.mark.check("S18", tier="P")
def test_every_step_begins_with_the_time_it_may_wait(steps: dict[str, list[str]]) -> None:
    late = {step: statements[:1] for step, statements in steps.items() if step != "0001" and not statements[0].startswith(FIRST_WORDS)}
    assert not late and len(steps) > 40
    said = {one for step in sorted(steps)[1:] for one in steps[step] if one.startswith("set") and "_timeout" in one}
    assert said == set(FIRST_WORDS)


@pytest.mark.variant("S18", tier="P")
def test_variant_steps_that_hold_everybody_up_are_found(tmp_path: Path) -> None:
    bad = {
        "9001": ["alter table message add column seen timestamptz not null default clock_timestamp()"],
        "9002": ["create index on message (member_id)"],
        "9003": ["alter table message alter column title type text"],
        "9004": ["alter table message add constraint few check (unanswered < 9)"],
        "9005": ["alter table message drop column title"],
    }
    found = findings(bad, tmp_path)
    assert {step for rule, broken in found.items() if rule not in NOT_OURS for step in broken} == bad.keys(), found
