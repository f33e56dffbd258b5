"""A reviewer who accepts unusually many of one member's reports, held against the other reviewers of the same communities. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.collusion import robust
from app.collusion.facts import Acceptances, Reason, Threshold
from app.collusion.models import ReasonCode

CELL_PRIOR = 2.0  # so many average acceptances are added to each part of the day
FEWEST_REVIEWERS = 3  # with fewer, one of them has most of everybody's reports


@dataclass(frozen=True, slots=True)
class Reviewed:
    reviewer_id: UUID
    reason: Reason


class Desks:
    """Who accepted how much where, over all members."""

    def __init__(self, rows: Iterable[Acceptances]) -> None:
        self.of_reviewer: Counter[tuple[UUID, UUID]] = Counter()  # community, reviewer
        self.of_community: Counter[UUID] = Counter()
        self.of_reviewer_in_cell: Counter[tuple[tuple[UUID, int], UUID]] = Counter()
        self.of_cell: Counter[tuple[UUID, int]] = Counter()
        self.reviewers: dict[UUID, set[UUID]] = defaultdict(set)
        for row in rows:
            community = row.cell[0]
            self.of_reviewer[community, row.reviewer_id] += row.count
            self.of_community[community] += row.count
            self.of_reviewer_in_cell[row.cell, row.reviewer_id] += row.count
            self.of_cell[row.cell] += row.count
            self.reviewers[community].add(row.reviewer_id)


def reviewed(rows: Sequence[Acceptances], asked: Threshold) -> dict[UUID, Reviewed]:
    """The most unlikely reviewer of each member who has one.

    The chance of a report to come to a reviewer is the reviewer's share of everybody else's reports in the same community and part of the
    day, drawn towards the share of the community by `CELL_PRIOR`; then a binomial tail as in `features.pair_share`. Communities with
    fewer than `FEWEST_REVIEWERS` say nothing.
    """
    desks, by_member = Desks(rows), defaultdict(list)
    for row in rows:
        if len(desks.reviewers[row.cell[0]]) >= FEWEST_REVIEWERS:
            by_member[row.member_id].append(row)
    found = {}
    for member_id, own in by_member.items():
        likely = [one for reviewer in {row.reviewer_id for row in own} if (one := _share(desks, own, reviewer, asked)) is not None]
        if likely:
            found[member_id] = min(likely)[2]
    return found


def _share(desks: Desks, own: Sequence[Acceptances], reviewer: UUID, asked: Threshold) -> tuple[float, UUID, Reviewed] | None:
    total = sum(row.count for row in own)
    hits = sum(row.count for row in own if row.reviewer_id == reviewer)
    if total < asked.min_support or hits < total * asked.least:
        return None
    expected = sum(count * _chance(desks, own, reviewer, cell) for cell, count in _by_cell(own).items()) / total
    chance = robust.tail(hits, total, expected)
    if hits < total * expected + 1 or chance > asked.bound:
        return None
    return chance, reviewer, Reviewed(reviewer, Reason(ReasonCode.REVIEWER_SHARE, hits / total, expected, total))


def _by_cell(own: Sequence[Acceptances]) -> Counter[tuple[UUID, int]]:
    cells: Counter[tuple[UUID, int]] = Counter()
    for row in own:
        cells[row.cell] += row.count
    return cells


def _chance(desks: Desks, own: Sequence[Acceptances], reviewer: UUID, cell: tuple[UUID, int]) -> float:
    """The share of a reviewer in a cell among everybody else's reports."""
    community = cell[0]
    mine = sum(row.count for row in own if row.cell[0] == community)
    mine_his = sum(row.count for row in own if row.cell[0] == community and row.reviewer_id == reviewer)
    overall = (desks.of_reviewer[community, reviewer] - mine_his + 1) / (
        desks.of_community[community] - mine + len(desks.reviewers[community])
    )
    here = sum(row.count for row in own if row.cell == cell)
    here_his = sum(row.count for row in own if row.cell == cell and row.reviewer_id == reviewer)
    return (desks.of_reviewer_in_cell[cell, reviewer] - here_his + CELL_PRIOR * overall) / (desks.of_cell[cell] - here + CELL_PRIOR)
