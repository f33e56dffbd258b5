"""Pure rules of a dry run: the same precedence that dispatching follows, over heaps of reports that no rule can tell apart."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.units.workflow import Rule, chain, match

MOST_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Heap:
    """Reports of one category at one place: how many, and the numbers of the first of them."""

    category_code: str | None
    area_path: str
    count: int
    numbers: Sequence[str]


@dataclass(slots=True)
class Outcome:
    cases: int = 0
    changed: int = 0
    unmatched: int = 0
    now: Counter[UUID] = field(default_factory=Counter)
    then: Counter[UUID] = field(default_factory=Counter)
    examples: list[tuple[str, UUID | None, UUID | None]] = field(default_factory=list)


def replaced(rules: Iterable[Rule], by: Sequence[Rule], without: Iterable[UUID]) -> list[Rule]:
    """Today's rules as they would be: without some, and each new one in the place of the one that says something about the same."""
    gone, said = set(without), {_about(rule) for rule in by}
    return [*(rule for rule in rules if rule.id not in gone and _about(rule) not in said), *by]


def _about(rule: Rule) -> tuple[str | None, str, int]:
    return rule.category_code, rule.area_path, rule.priority


def run(heaps: Iterable[Heap], parents: Mapping[str, str | None], *, today: Sequence[Rule], then: Sequence[Rule]) -> Outcome:
    """What would change."""
    found = Outcome()
    for heap in heaps:
        categories = chain(parents, heap.category_code)
        was, would = _unit(match(today, categories, heap.area_path)), _unit(match(then, categories, heap.area_path))
        found.cases += heap.count
        if was is not None:
            found.now[was] += heap.count
        if would is None:
            found.unmatched += heap.count
        else:
            found.then[would] += heap.count
        if was != would:
            found.changed += heap.count
            found.examples += [(number, was, would) for number in heap.numbers[: MOST_EXAMPLES - len(found.examples)]]
    return found


def _unit(rule: Rule | None) -> UUID | None:
    return None if rule is None else rule.unit_id
