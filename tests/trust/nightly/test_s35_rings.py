"""S35 over many counties: how many rings are found in time, how many honest people are named, and what a reviewer decides of one rider.

That no reviewer may decide more than three in ten of a rider's reports is told by the review list and not refused: of three reviewers one
always has more, and a county in which two of them are away would stand still. So these tests show a part of the row.
"""

from collections import Counter

import pytest

from app.collusion import queries_evidence, reviewing
from app.collusion.facts import Thresholds
from app.collusion.models import ReasonCode
from app.db.session import Database
from tests.collusion.simulated_county import DAYS, SimulatedCounty
from tests.collusion.test_collusion_simulation import MOST_HONEST, naive, ours, simulated
from tests.trust.plugin import Measure

SEEDS = range(100, 112)
SHARE, LEAST = 0.30, 10  # of so many reports at least


@pytest.fixture
async def thresholds(committed: Database) -> Thresholds:
    """As the migration seeds them; nothing is held open while a county is thought through."""
    async with committed.session() as session:
        return await queries_evidence.thresholds(session)


@pytest.mark.check("S35", part=True)
def test_rings_in_twelve_counties(thresholds: Thresholds, measured: Measure) -> None:
    outcomes = [simulated(seed, ours, thresholds) for seed in SEEDS]
    found, named = [one.in_time for one in outcomes], sum(len(one.named) for one in outcomes)
    measured("rings found in 14 days, the least of a county", f"{min(found)} of 3")
    measured("rings found in 14 days, all", f"{sum(found)} of {3 * len(found)}")
    measured("honest people named", round(100 * named / sum(one.honest for one in outcomes), 3), "%")
    measured("counties with two of three or more", f"{sum(one >= 2 for one in found)} of {len(found)}")
    assert sum(found) >= 2 * len(found), "two of three on the whole; in some counties it is one, which the figures tell"
    assert all(len(one.named) <= MOST_HONEST * one.honest for one in outcomes)


@pytest.mark.check("S35", part=True)
def test_a_reviewer_with_most_of_a_riders_reports_is_told_of(thresholds: Thresholds, measured: Measure) -> None:
    """Of the rings' reviewers, who decide nearly all; honest reviewers have more than three in ten by their shifts alone."""
    over, told, honest_over, riders = 0, 0, 0, 0
    for seed in SEEDS[:4]:
        county = SimulatedCounty(seed)
        accepted = county.accepted_until(DAYS)
        reviewed = reviewing.reviewed(accepted, thresholds[ReasonCode.REVIEWER_SHARE])
        by_rider: dict[object, Counter[object]] = {}
        for row in accepted:
            by_rider.setdefault(row.member_id, Counter())[row.reviewer_id] += row.count
        rings = {ring.rider: ring.reviewer for ring in county.rings}
        for rider, counts in by_rider.items():
            reviewer, most = counts.most_common(1)[0]
            if counts.total() < LEAST or most <= SHARE * counts.total():
                continue
            riders += 1
            if rings.get(rider) == reviewer:
                over += 1
                told += rider in reviewed and reviewed[rider].reviewer_id == reviewer
            else:
                honest_over += 1
    measured("rings whose reviewer has more than 30 %", over)
    measured("of them told", told)
    measured("honest riders of whom one reviewer has more than 30 %", honest_over)
    assert riders and told >= 0.9 * over > 0


@pytest.mark.variant("S35")
def test_a_simple_limit_names_the_honest_in_every_county(thresholds: Thresholds) -> None:
    for seed in SEEDS[:2]:
        outcome = simulated(seed, naive, thresholds, (DAYS,))
        assert len(outcome.named) > 5 * MOST_HONEST * outcome.honest, outcome
