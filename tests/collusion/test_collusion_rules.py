"""The statistics and the rules, without a database."""

import ast
from collections import Counter
from math import comb
from pathlib import Path
from uuid import UUID

import pytest

from app.collusion import features, robust, workflow
from app.collusion.facts import AtStore, Reason, Threshold, Use
from app.collusion.models import ReasonCode
from app.collusion.workflow import Severity

CLERK, OTHER, MEMBER = UUID(int=1), UUID(int=2), UUID(int=3)
APP = Path(__file__).resolve().parents[2] / "app"
CHANGING = {"service", "till", "settling", "ledger", "freezing"}
MAY_CALL = {"audit", "messages"}  # whose rows a look may add; everything else it only reads


def use(clerk: UUID, member: int, *, shift: int = 0, seconds: float = 3_000, hour: int = 12, number: int = 0, **more: bool) -> Use:
    return Use(clerk, UUID(int=member), UUID(int=10_000 * member + number), seconds, shift, hour, **more)


def regulars(*, shifts: int = 10, both: bool = True) -> list[Use]:
    """Sixty people; the clerk has the even shifts alone unless both serve at once."""
    clerks = (CLERK, OTHER)
    return [use(clerks[(n if both else n % shifts) % 2], 100 + n % 60, shift=n % shifts, number=n) for n in range(180)]


def codes(own: list[Use], around: list[Use], **changed: Threshold) -> list[str]:
    asked = {
        ReasonCode.PAIR_SHARE: Threshold(6, 1e-4), ReasonCode.PAIR_FREQUENCY: Threshold(8, 6.0),
        ReasonCode.QUICK: Threshold(5, 1e-4, 0.5, 20), ReasonCode.ODD_HOURS: Threshold(6, 1e-5, 0.6, rare=0.02),
        ReasonCode.TYPED_CODES: Threshold(8, 1e-5, 0.6), ReasonCode.UNDO_LOOPS: Threshold(5, 1e-4, 0.2),
    } | {ReasonCode(code): threshold for code, threshold in changed.items()}
    found = features.at_store(AtStore([*around, *own]), asked)
    return [reason.code.value for reason in found.get((CLERK, MEMBER), [])]


@pytest.mark.parametrize(("hits", "trials", "share"), [(3, 10, 0.2), (0, 5, 0.5), (5, 5, 0.01), (40, 60, 0.4)])
def test_the_tail_is_the_binomials(hits: int, trials: int, share: float) -> None:
    exact = sum(comb(trials, i) * share**i * (1 - share) ** (trials - i) for i in range(hits, trials + 1))
    assert robust.tail(hits, trials, share) == pytest.approx(exact, rel=1e-9)


def test_an_outlier_does_not_hide_itself() -> None:
    """A mean and a standard deviation would let three large ones make each other usual; a median and the MAD do not."""
    others = [1, 2, 2, 3, 1, 2, 4, 3, 2, 1, 60, 60]
    assert robust.normal(others).spreads_above(60) > 6
    mean = sum(others) / len(others)
    assert (60 - mean) / (sum((x - mean) ** 2 for x in others) / len(others)) ** 0.5 < 3


def test_whoever_comes_in_the_clerks_own_shifts_is_usual() -> None:
    """The same fourteen visits to the same clerk: explained where the clerk is alone at that time, unusual where two serve."""
    own = [use(CLERK, MEMBER.int, shift=2 * (n % 5), number=n) for n in range(16)]
    assert "pair_share" not in codes(own, regulars(both=False))
    mixed = [use((CLERK, OTHER)[n // 10 % 2], 100 + n % 60, shift=n % 10, number=n) for n in range(180)]
    assert "pair_share" in codes(own, mixed)


def test_what_is_quick_is_the_stores_own_matter() -> None:
    own = [use(CLERK, MEMBER.int, seconds=8, number=n) for n in range(6)]
    assert "quick" in codes(own, regulars())
    at_the_counter = [use(CLERK, 100 + n % 60, seconds=15 if n % 2 else 900, number=n) for n in range(180)]
    assert "quick" not in codes(own, at_the_counter)
    assert "quick" not in codes(own[:4], regulars()), "four say nothing"


def test_a_habit_is_no_ring() -> None:
    """Who types every code with every clerk types with this one too."""
    own = [use(CLERK, MEMBER.int, typed=True, number=n) for n in range(9)]
    assert "typed_codes" in codes(own, regulars())
    assert "typed_codes" not in codes([*own, *(use(OTHER, MEMBER.int, typed=True, number=50 + n) for n in range(6))], regulars())


def test_one_phone_with_many_accounts_is_no_network_of_a_shop() -> None:
    """Two dozen accounts with an order each, all on the clerk's phone and all served by that clerk; then everybody's network."""
    asked = {ReasonCode.SHARED_DEVICE: Threshold(3, 1e-6, weight=2)}
    mixed = [use((CLERK, OTHER)[n // 10 % 2], 100 + n % 60, shift=n % 10, number=n) for n in range(180)]
    puppets = [use(CLERK, 500 + n, number=n) for n in range(24)]
    phone = {one: frozenset({b"phone"}) for one in (CLERK, *(use.member_id for use in puppets))}
    assert len(features.at_store(AtStore([*mixed, *puppets], phone), asked)) == 24
    served_by_both = [use((CLERK, OTHER)[n % 2], 500 + n, number=n) for n in range(24)]
    assert features.at_store(AtStore([*mixed, *served_by_both], phone), asked) == {}
    few = [use(CLERK, 500, number=n) for n in range(3)]
    cousin = {CLERK: frozenset({b"phone"}), UUID(int=500): frozenset({b"phone"})}
    assert len(features.at_store(AtStore([*mixed, *few], cousin), asked)) == 1
    network = cousin | {OTHER: frozenset({b"phone"})}
    assert features.at_store(AtStore([*mixed, *few], network), asked) == {}, "two clerks sign in from there"


def test_odd_hours_and_loops() -> None:
    late = [use(CLERK, MEMBER.int, hour=23 if n % 2 else 24 + 2, number=n) for n in range(7)]
    assert "odd_hours" in codes(late, regulars())
    loops = [use(CLERK, MEMBER.int, number=n, undone=undone) for n in range(5) for undone in (True, False)]
    assert "undo_loops" in codes(loops, regulars())
    assert "undo_loops" not in codes([one for one in loops if one.undone is False], regulars())


def test_cases_need_two_kinds_and_come_back_with_new_facts() -> None:
    many = {code: Threshold(1, 1, weight=1) for code in ReasonCode} | {ReasonCode.SHARED_DEVICE: Threshold(1, 1, weight=2)}
    share, often, fast, phone = (
        Reason(code, 1, 0, 8)
        for code in (ReasonCode.PAIR_SHARE, ReasonCode.PAIR_FREQUENCY, ReasonCode.QUICK, ReasonCode.SHARED_DEVICE)
    )
    assert [workflow.weight(one, many) for one in ([share, often], [share, fast], [phone])] == [1, 2, 2]
    assert [workflow.severity(one.code for one in found) for found in ([phone], [share, often, fast], [share, fast, phone])] == [
        Severity.LOW, Severity.MEDIUM, Severity.HIGH,
    ]
    assert workflow.news([share, fast], {ReasonCode.PAIR_SHARE: 8}) == [fast]
    assert workflow.news([share], {ReasonCode.PAIR_SHARE: 4}) == [share]
    assert workflow.news([share], {ReasonCode.PAIR_SHARE: 5}) == []


def calls(source: str) -> Counter[str]:
    """The features whose services a module imports."""
    found: Counter[str] = Counter()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("app."):
            whole = [f"{node.module}.{name.name}" for name in node.names]
            found.update(name.split(".")[1] for name in whole if CHANGING & set(name.split(".")))
    return found


def test_it_can_change_nothing_of_anybody_elses() -> None:
    """No service that moves points, orders, grants or reports is within its reach; the table test in test_collusion_cases sees rows."""
    reached = {name for path in (APP / "collusion").glob("*.py") for name in calls(path.read_text())}
    assert reached - {"collusion"} == MAY_CALL
    assert calls("from app.points import service as points_service") == {"points": 1}, "the known-bad variant is found"
    assert calls("from app.redemptions.till import undo") == {"redemptions": 1}
