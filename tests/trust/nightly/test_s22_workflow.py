"""S22, the published workflow of reports: every command of everybody in every state, and no trace of what was refused."""

import pytest

from tests.journeys.test_report_matrix import Play, is_as_published, play

__all__ = ["play"]


@pytest.mark.check("S22", part=True)
async def test_every_cell_of_everybody(play: Play) -> None:
    play.shares = play.seen_shares = 1
    await is_as_published(play)
