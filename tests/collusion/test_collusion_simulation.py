"""S35: three rings inside 2,000 honest people over 60 days. The seeds are fixed, and a failure says its figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.collusion import queries_evidence, reviewing, workflow
from app.collusion.facts import AtStore, Pair, Thresholds
from app.collusion.models import ReasonCode
from app.collusion.reviewing import Reviewed
from app.db.session import AsyncSession
from tests.collusion.simulated_county import DAYS, PLANS, SimulatedCounty

SEEDS = (1, 2, 3, 5, 8)
IN_DAYS, MOST_HONEST = 14, 0.01
NIGHTS = sorted({14, *(plan.since + IN_DAYS for plan in PLANS), DAYS})
Lens = Callable[[AtStore, Mapping[UUID, Reviewed], Thresholds], dict[Pair, set[UUID]]]


@dataclass
class Outcome:
    in_time: int = 0
    named: set[UUID] = field(default_factory=set)
    honest: int = 0

    def __str__(self) -> str:
        return f"{self.in_time} of 3 rings in {IN_DAYS} days, {len(self.named)} of {self.honest} honest people named"


def ours(at: AtStore, reviewed: Mapping[UUID, Reviewed], thresholds: Thresholds) -> dict[Pair, set[UUID]]:
    return {
        (one.clerk_id, one.member_id): {one.clerk_id, one.member_id, one.reviewer_id or one.clerk_id}
        for one in workflow.findings(at, reviewed, thresholds)
    }


def naive(at: AtStore, reviewed: Mapping[UUID, Reviewed], thresholds: Thresholds) -> dict[Pair, set[UUID]]:
    """What is built first everywhere: more than so many between the same two is suspicious."""
    return {pair: set(pair) for pair, uses in at.by_pair.items() if len(uses) >= 8}


def simulated(seed: int, lens: Lens, thresholds: Thresholds, nights: Sequence[int] = NIGHTS) -> Outcome:
    """Everybody who is named on any of the nights counts, and a ring only until its fourteenth day."""
    county, done, found = SimulatedCounty(seed), Outcome(), set()
    for night in nights:
        reviewed = reviewing.reviewed(county.accepted_until(night), thresholds[ReasonCode.REVIEWER_SHARE])
        for at in county.seen(night):
            for pair, persons in lens(at, reviewed, thresholds).items():
                found |= {n for n, ring in enumerate(county.rings) if pair == (ring.clerk, ring.rider) and night - ring.since <= IN_DAYS}
                done.named |= persons & county.honest
    done.in_time, done.honest = len(found), len(county.honest)
    return done


@pytest.fixture
async def thresholds(session: AsyncSession) -> Thresholds:
    """As the migration seeds them."""
    found = await queries_evidence.thresholds(session)
    assert set(found) == set(ReasonCode)
    return found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.check("S35", part=True)
def test_rings_are_found_and_honest_people_are_not(seed: int, thresholds: Thresholds) -> None:
    outcome = simulated(seed, ours, thresholds)
    assert 1_950 <= outcome.honest <= 2_050
    assert outcome.in_time >= 2, outcome
    assert len(outcome.named) <= MOST_HONEST * outcome.honest, outcome


@pytest.mark.variant("S35")
def test_a_simple_limit_would_name_many_who_are_honest(thresholds: Thresholds) -> None:
    """The known-bad variant: the same county, a count instead of the store's own normal."""
    outcome = simulated(SEEDS[0], naive, thresholds, NIGHTS[-1:])
    assert len(outcome.named) > 5 * MOST_HONEST * outcome.honest, outcome


async def test_thresholds_are_data(session: AsyncSession, thresholds: Thresholds) -> None:
    await session.exec(sa.text("update collusion_threshold set active = false where code = 'quick'"))
    assert ReasonCode.QUICK not in await queries_evidence.thresholds(session)
