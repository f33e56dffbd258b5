"""Each threat has something against it, and what it names as its proof is there."""

import re
from collections.abc import Iterator
from functools import cache

from tests.support.service import ROOT
from tests.trust.goals import GOALS
from tests.trust.threats import THREATS, Threat


@cache
def marked() -> set[str]:
    """Checks that some test is marked for."""
    texts = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    marks = (found for text in texts for found in re.findall(r"mark\.check\(([^)]*)\)", text))
    return {check for mark in marks for check in re.findall(r"S\d\d", mark)}


def missing(threat: Threat) -> Iterator[str]:
    if not (threat.against and threat.shown):
        yield f"{threat.what}: nothing against it, or nothing that shows it"
    for proof in threat.shown:
        if proof in GOALS:
            if proof not in marked() and f"{proof} is not run" not in threat.left:
                yield f"{threat.what}: no test is marked {proof}"
            continue
        file, _, test = proof.partition("::")
        path = ROOT / file
        if not path.is_file() or not re.search(rf"def {test or 'test_'}", path.read_text()):
            yield f"{threat.what}: there is no {proof}"


def test_what_is_named_is_there() -> None:
    assert not [what for threat in THREATS for what in missing(threat)]


def test_every_check_is_against_a_threat() -> None:
    assert GOALS.keys() == {proof for threat in THREATS for proof in threat.shown if proof in GOALS}


def test_the_judge_sees_what_is_not_there() -> None:
    invented = Threat("x", "y", ("z",), ("S99", "tests/nowhere.py", "tests/trust/test_threats.py::test_that_nobody_wrote"))
    assert len(list(missing(invented))) == 3 and list(missing(Threat("x", "y", (), ())))
