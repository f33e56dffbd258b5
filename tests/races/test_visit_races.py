"""A member's code that many clerks scan at one instant, and many codes of one member for a discount of once a day: one is given."""

from typing import Any
from uuid import uuid4

import pytest

from app import clock
from tests.races.judges import one_winner, so_many_winners
from tests.races.naive import scratch
from tests.support.newcomer import Caller, World
from tests.support.service import Service
from tests.support.volley import Answer, shot, volley

SCANS = 24


async def discount(world: World, *, per_member_per_day: int) -> dict[str, Any]:
    body = {"title": "早餐 9 折", "terms": "凭码", "starts_on": clock.today().isoformat(), "per_member_per_day": per_member_per_day}
    made: dict[str, Any] = await world.owner.does("POST", f"/stores/{world.store_id}/discounts", body)
    return made


async def code(rider: Caller) -> str:
    return str((await rider.sees("/members/me/identity-code"))["token"])


async def scans(world: World, given: dict[str, Any], tokens: list[str]) -> list[Answer]:
    """By owner and clerks in turn, each under a key of its own."""
    staff, path = [world.owner, *world.clerks], f"/stores/{world.store_id}/visits"
    return await volley(
        world.service,
        [
            shot(staff[number % len(staff)], path, {"token": token, "discount_id": given["id"]}, key=uuid4().hex)
            for number, token in enumerate(tokens)
        ],
    )


async def visits(world: World, given: dict[str, Any]) -> int:
    lines = (await world.owner.sees(f"/stores/{world.store_id}/visits"))["items"]
    return sum(line["visits"] for line in lines if line["discount"]["id"] == given["id"])


async def test_one_code_works_once(world: World) -> None:
    rider, given = await world.rider(), await discount(world, per_member_per_day=10)  # the code alone decides
    answers = await scans(world, given, [await code(rider)] * SCANS)
    one_winner([answer.outcome for answer in answers], "ticket_expired")
    assert await visits(world, given) == 1


@pytest.mark.parametrize("most", [1, 3])
async def test_many_codes_of_one_member_are_so_many_visits_a_day(world: World, most: int) -> None:
    rider, given = await world.rider(), await discount(world, per_member_per_day=most)
    answers = await scans(world, given, [await code(rider) for _ in range(SCANS)])
    so_many_winners([answer.outcome for answer in answers], most, "limit_reached", left=most - await visits(world, given))


async def test_naive_counting_gives_it_to_everybody(service: Service) -> None:
    """Known bad: each looks how often it was given today, and then gives it."""
    async with scratch(service.database_url, "visits int", "0") as table:
        heard = await table.race(
            "select visits from {table}", may=lambda seen: seen == 0, writes=["update {table} set visits = visits + 1"],
            loser="limit_reached",
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "limit_reached")
