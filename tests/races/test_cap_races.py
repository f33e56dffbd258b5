"""However many award at once: no more than the caps, no source twice, and books that agree."""

from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from app.settings import Settings
from tests.conftest import migrated_database
from tests.races.judges import paid_once, within_cap
from tests.races.rushes import CAP, awards, expect_agreement, expect_one_payment, expect_the_cap
from tests.races.vault import Vault, copied
from tests.support.newcomer import World
from tests.support.volley import shot, volley

CONTENDERS = 24
# 310 points of six rules; 200 is the most that a day brings. (Three hazards a week need no second reviewer.)
MANY = ["HAZARD_ACCEPTED"] * 3 + ["VOLUNTEER_HOUR"] * 4 + ["REPORT_ACCEPTED"] * 4 + ["REPORT_CLOSED"] * 3 + ["LESSON_PASSED"] * 2


@pytest.fixture(scope="module")
async def template(worker_id: str) -> str:
    return await migrated_database(f"xinxin_vault_{worker_id}")


@pytest.fixture(scope="module")
async def vault(template: str, settings: Settings) -> AsyncIterator[Vault]:
    async with copied(template, settings) as opened:
        yield opened


async def test_a_rule_pays_up_to_its_cap(vault: Vault) -> None:
    given = await expect_the_cap(vault, vault.members[0], contenders=CONTENDERS)
    assert Counter((one.credited, one.reason, one.cap) for one in given) == {
        (10, None, None): 5, (0, "day_cap", 5): CONTENDERS - 5,
    }
    assert await vault.findings() == []


async def test_all_rules_together_pay_up_to_the_days_cap(vault: Vault) -> None:
    """The award that comes to the cap is credited in part; what comes later says which cap it is."""
    given = await awards(vault, vault.members[1], MANY)
    within_cap([one.credited for one in given], 200)
    short = [one for one in given if one.withheld]
    assert {one.reason for one in short} == {"global_day_cap"} and {one.cap for one in short} == {200}
    assert sum(one.credited + one.withheld for one in given) == 310
    assert await vault.findings() == []


@pytest.mark.check("S04")
async def test_one_source_pays_once_however_many_ask(vault: Vault) -> None:
    await expect_one_payment(vault, vault.members[2], contenders=50)
    assert await vault.findings() == []


async def test_what_is_spent_and_earned_at_once_adds_up(vault: Vault) -> None:
    await expect_agreement(vault, vault.members[3], orders=12)


@pytest.mark.usefixtures("clean_books")
async def test_reports_accepted_at_once_pay_up_to_the_cap(world: World) -> None:
    """Over HTTP, by three reviewers and two processes: more than five reports of one day."""
    rider = await world.rider()
    reports = [await rider.files() for _ in range(20)]
    shots = [
        shot(world.reviewers[number % 3], f"/reports/{report['id']}/accept", {}, key=uuid4().hex) for number, report in enumerate(reports)
    ]
    answers = await volley(world.service, shots)
    assert {answer.outcome for answer in answers} == {"ok"}, "every report is accepted, paid or not"
    lines = (await rider.sees("/points/me/entries"))["items"]
    within_cap([line["amount"] for line in lines], CAP)
    assert (await rider.points())["available"] == CAP


@pytest.mark.usefixtures("clean_books")
@pytest.mark.check("S04")
async def test_fifty_acceptances_of_one_report_pay_once(world: World) -> None:
    rider = await world.rider()
    report = await rider.files()
    answers = await volley(
        world.service,
        [shot(world.reviewers[number % 3], f"/reports/{report['id']}/accept", {}, key=uuid4().hex) for number in range(50)],
    )
    assert Counter(answer.outcome for answer in answers)["ok"] == 1
    paid_once([10], [line["amount"] for line in (await rider.sees("/points/me/entries"))["items"]])
