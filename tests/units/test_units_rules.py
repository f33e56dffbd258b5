"""The pure rules of units: which routing rule counts, and how a dry run sees the same."""

from itertools import permutations
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.areas.models import Level
from app.db.base import new_id
from app.dispatching import ranking, trial
from app.dispatching.ranking import Worker
from app.dispatching.trial import Heap
from app.units.workflow import Rule, below, chain, lineage, match

PARENTS = {"roads": None, "road_hole": "roads", "road_sign": "roads", "waste": None, "bin_overflow": "waste"}
COUNTY, STREET, COMMUNITY, GRID, ELSEWHERE = "37/", "37/01/", "37/01/02/", "37/01/02/03/", "37/04/"
HOLE = chain(PARENTS, "road_hole")


def rule(area_path: str, category_code: str | None = None, priority: int = 0) -> Rule:
    return Rule(new_id(), category_code, area_path, new_id(), priority)


def test_chains_and_lineages() -> None:
    assert HOLE == ("road_hole", "roads") and chain(PARENTS, None) == () and chain({"a": "b", "b": "a"}, "a") == ("a", "b")
    assert below(PARENTS, "roads") == ["road_hole", "road_sign", "roads"] and below(PARENTS, "road_hole") == ["road_hole"]
    assert lineage(GRID) == [COUNTY, STREET, COMMUNITY, GRID]


def test_deeper_area_then_narrower_category_then_priority_then_older() -> None:
    older, newer = rule(COMMUNITY, priority=5), rule(COMMUNITY, priority=5)
    weakest_last = [
        rule(COMMUNITY, "road_hole"), rule(COMMUNITY, "roads", 900), rule(COMMUNITY, priority=9), older, newer,
        rule(STREET, "road_hole", 1000), rule(COUNTY, "road_hole"), rule(COUNTY),
    ]
    for number, strongest in enumerate(weakest_last):
        left = weakest_last[number:]
        assert all(match(order, HOLE, GRID) is strongest for order in (left, left[::-1])), number
    others = [rule(ELSEWHERE), rule(GRID + "04/"), rule(COUNTY, "waste"), rule(COUNTY, "bin_overflow")]
    assert match(others, HOLE, GRID) is None and match([rule(COUNTY, "roads")], (), GRID) is None, "a report without a category"


PATHS = st.sampled_from([COUNTY, STREET, COMMUNITY, GRID, ELSEWHERE])
CATEGORIES = st.sampled_from([None, *PARENTS])
RULES = st.lists(st.builds(rule, PATHS, CATEGORIES, st.integers(0, 3)), max_size=5)


@given(RULES, PATHS, CATEGORIES)
def test_one_answer_whatever_the_order_and_nothing_narrower_is_left(rules: list[Rule], path: str, category: str | None) -> None:
    categories = chain(PARENTS, category)
    answers = {match(order, categories, path) for order in permutations(rules)}
    assert len(answers) == 1
    [best] = answers
    fitting = [one for one in rules if path.startswith(one.area_path) and one.category_code in (None, *categories)]
    if best is None:
        assert not fitting
        return
    assert best in fitting and all(len(one.area_path) <= len(best.area_path) for one in fitting)
    level = [one for one in fitting if one.area_path == best.area_path]
    assert best.category_code is not None or all(one.category_code is None for one in level)


def greedy(rules: list[Rule], categories: tuple[str, ...], path: str) -> Rule | None:
    """Known-bad: the highest priority wins, however wide the rule."""
    fitting = [one for one in rules if path.startswith(one.area_path) and one.category_code in (None, *categories)]
    return max(fitting, key=lambda one: one.priority, default=None)


def test_priority_alone_would_be_caught() -> None:
    wide, narrow = rule(COUNTY, priority=1000), rule(GRID, "road_hole")
    assert match([wide, narrow], HOLE, GRID) is narrow and greedy([wide, narrow], HOLE, GRID) is wide


HEAPS = st.lists(st.builds(lambda code, path, count: Heap(code, path, count, ["R"] * count), CATEGORIES, PATHS, st.integers(1, 30)))


@given(HEAPS, RULES, RULES)
def test_a_dry_run_counts_what_each_report_would_meet(heaps: list[Heap], today: list[Rule], proposed: list[Rule]) -> None:
    then = trial.replaced(today, proposed, [])
    found = trial.run(heaps, PARENTS, today=today, then=then)
    one_by_one = [
        (match(today, chain(PARENTS, heap.category_code), heap.area_path), match(then, chain(PARENTS, heap.category_code), heap.area_path))
        for heap in heaps for _ in range(heap.count)
    ]
    units: list[tuple[UUID | None, UUID | None]] = [(a.unit_id if a else None, b.unit_id if b else None) for a, b in one_by_one]
    assert found.cases == len(units) == found.unmatched + found.then.total()
    assert found.changed == sum(a != b for a, b in units) and len(found.examples) == min(found.changed, trial.MOST_EXAMPLES)
    assert found.now.total() == sum(a is not None for a, _ in units)


def test_a_proposal_takes_the_place_of_what_says_the_same() -> None:
    same, other, gone = rule(STREET, "roads", 3), rule(STREET, "roads", 4), rule(COUNTY)
    proposed = rule(STREET, "roads", 3)
    assert trial.replaced([same, other, gone], [proposed], [gone.id]) == [other, proposed]


def test_workers_are_ranked_by_unit_duty_load_and_age() -> None:
    unit = new_id()
    ids = [new_id() for _ in range(5)]
    of_unit = Worker(ids[4], Level.STREET, unit, 9)
    in_grid = Worker(ids[3], Level.GRID, None, 4)
    loaded, older, newer = (Worker(ids[2], Level.COMMUNITY, None, 3), Worker(ids[0], Level.COMMUNITY, new_id(), 1),
                            Worker(ids[1], Level.COMMUNITY, None, 1))
    assert ranking.ranked([newer, loaded, older, in_grid, of_unit], unit) == [of_unit, in_grid, older, newer, loaded]
    assert ranking.ranked([of_unit, in_grid], None) == [in_grid, of_unit], "without a rule, grid and load alone"
    assert ranking.reasons(of_unit, unit, "执法队") == ["属于执法队", "负责该街道", "在办 9 件"]
    assert ranking.reasons(in_grid, unit, "执法队") == ["负责该网格", "在办 4 件"]
