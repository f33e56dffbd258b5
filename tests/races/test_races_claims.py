"""Twenty reviewers reach for one report at one instant: one has it, the others hear who. A claim against a command never waits for long."""

from uuid import uuid4

import pytest

from tests.races.judges import one_winner
from tests.races.naive import scratch
from tests.support.newcomer import World
from tests.support.service import Service
from tests.support.volley import shot, volley

REVIEWERS = 20


async def test_a_report_is_claimed_by_one_of_twenty(world: World) -> None:
    rider = await world.rider()
    report = await rider.files()
    community = (await world.reviewers[0].sees(f"/reports/{report['id']}"))["community"]["id"]
    more = [await world.staff(world.admin, "reviewer", "area", community) for _ in range(REVIEWERS - len(world.reviewers))]
    reviewers = [*world.reviewers, *more]
    answers = await volley(world.service, [shot(one, f"/reports/{report['id']}/claim", {}, method="PUT") for one in reviewers])
    one_winner([answer.outcome for answer in answers], "conflict")
    held = next(answer.json for answer in answers if answer.status == 200)
    heard = [answer.json for answer in answers if answer.status == 409]
    assert {told["claimed_by"]["id"] for told in heard} == {held["by"]["id"]} and {told["until"] for told in heard} == {held["until"]}


async def test_claims_and_commands_on_one_report_all_get_their_answer(world: World) -> None:
    rider = await world.rider()
    path = f"/reports/{(await rider.files())['id']}"
    claims = [shot(world.reviewers[n % 3], f"{path}/claim", {}, method="PUT") for n in range(20)]
    accepts = [shot(world.reviewers[n % 3], f"{path}/accept", {"note": "属实"}, key=uuid4().hex) for n in range(20)]
    answers = await volley(world.service, [one for pair in zip(claims, accepts, strict=True) for one in pair])
    one_winner([answer.outcome for answer in answers[1::2]], "invalid_transition")
    assert {answer.outcome for answer in answers[::2]} <= {"ok", "conflict"}


async def test_naive_claim_lets_each_have_it(service: Service) -> None:
    async with scratch(service.database_url, "holder int", "null") as table:
        heard = await table.race(
            "select holder from {table}", may=lambda seen: seen is None, writes=["update {table} set holder = 1"], loser="conflict"
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "conflict")
