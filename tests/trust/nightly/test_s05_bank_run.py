"""S05 in full: 32 clients, 10,000 operations over two replicas, every invariant looked at all the time."""

import asyncio
import os
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from tests.trust.plugin import Measure
from tests.trust.rig.storm import Stage, Storm, expect_all_there, staged

WRITTEN = sa.text("update points_balance set available = available + :points where member_id = :id")
OPERATIONS = int(os.environ.get("TRUST_OPERATIONS", "10000"))


@pytest.mark.check("S05")
async def test_everybody_at_once_over_two_replicas(tmp_path: Path, measured: Measure) -> None:
    async with staged(tmp_path) as stage:
        storm = stage.storm(OPERATIONS, own=0.75)
        await stage.run(storm)
        measured("seed", storm.seed)
        measured("operations", len(storm.told))
        measured("seconds", round(storm.seconds), "s")
        measured("looks", storm.looks)
        measured("of them at I1 to I12", storm.whole)
        measured("violations", len(storm.violations))
        measured("foretold", round(100 * (1 - len(storm.unexpected) / storm.operations), 3), "%")
        await expect_all_there(stage, storm)
        assert storm.looks >= storm.seconds / 5 and storm.whole > 0


async def _a_point_from_nowhere(stage: Stage, storm: Storm) -> None:
    """The fault put back: somebody writes a balance by hand, and takes it back when it was seen."""
    async def write(points: int) -> None:
        async with stage.database.transaction() as session:
            await session.exec(WRITTEN, params={"id": UUID(storm.members[0].caller.id), "points": points})

    await storm.until_heard(50)
    await write(1)
    try:
        async with asyncio.timeout(60):
            while not storm.violations:  # noqa: ASYNC110 - a look at a list, with a deadline around it
                await asyncio.sleep(0.05)
    finally:
        await write(-1)


@pytest.mark.variant("S05")
async def test_a_balance_written_by_hand_is_seen_while_it_lasts(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        storm = stage.storm(400)
        await stage.run(storm, _a_point_from_nowhere(stage, storm))
        assert any(found.startswith("I4") for found in storm.violations), storm.violations
