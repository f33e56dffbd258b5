"""reliability.md S01, S03: real commits, contenders over both workers; afterwards the books are clean.

Orders: `test_redemption_races.py`, `test_till_races.py`. Refresh tokens: `test_refresh_races.py`.
"""

from uuid import uuid4

import pytest

from tests.races.judges import one_effect, one_winner
from tests.support.newcomer import World
from tests.support.volley import Answer, shot, volley

pytestmark = pytest.mark.usefixtures("clean_books")


def outcomes(answers: list[Answer]) -> list[str]:
    return [answer.outcome for answer in answers]


@pytest.mark.check("S03", part=True)
async def test_a_report_is_filed_once_under_one_key(world: World) -> None:
    rider = await world.rider()
    body = rider.filing(await rider.photo())
    answers = await volley(world.service, [shot(rider, "/reports", body, key="one-key-for-all")] * 50)
    one_effect(outcomes(answers), len((await rider.sees("/reports/mine"))["items"]))


async def test_a_photo_goes_to_one_report(world: World) -> None:
    rider = await world.rider()
    body = rider.filing(await rider.photo())
    answers = await volley(world.service, [shot(rider, "/reports", body, key=uuid4().hex) for _ in range(30)])
    one_winner(outcomes(answers), "upload_already_used")
