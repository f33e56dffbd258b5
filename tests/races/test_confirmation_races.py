"""Two reviewers at one instant on an award that waits, two administrators on an award by people: one word counts, one award is made."""

from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app import clock
from tests.points.awarding import monday
from tests.races.judges import one_winner, told_the_truth
from tests.races.naive import CONTENDERS, scratch
from tests.support.newcomer import Caller, World
from tests.support.service import Service
from tests.support.volley import Answer, shot, volley

DECIDERS = 24
books = pytest.mark.usefixtures("clean_books")


async def waits(world: World) -> tuple[Caller, str]:
    """A rider whose fourth hazard of last week waits, each of a day of its own: the caps would pay it."""
    rider = await world.rider()
    for day in range(4):
        made = await rider.files()
        await _filed(world, made["id"], monday() + timedelta(days=day))
        await world.reviewers[0].does("POST", f"/reports/{made['id']}/accept", {"severity": "hazard"})
    pending = (await world.reviewers[1].sees("/points/confirmations", status="pending"))["items"]
    return rider, next(one["id"] for one in pending if one["source"]["id"] == made["id"])


async def _filed(world: World, report_id: str, day: date) -> None:
    """Puts the filing of a report on another day: no caller can."""
    connection = await asyncpg.connect(world.service.database_url)
    try:
        noon = clock.day_start(day) + timedelta(hours=12)
        await connection.execute("update report set created_at = $1 where id = $2", noon, UUID(report_id))
    finally:
        await connection.close()


async def at_once(world: World, orders: list[tuple[Caller, str, Any]]) -> list[Answer]:
    return await volley(world.service, [shot(who, path, body, key=uuid4().hex) for who, path, body in orders])


def statuses(answers: list[Answer]) -> Counter[str]:
    return Counter(answer.json["status"] for answer in answers if answer.status == 200)


@books
async def test_two_confirm_at_once_and_one_award_is_made(world: World) -> None:
    rider, waiting = await waits(world)
    path = f"/points/confirmations/{waiting}/confirm"
    answers = await at_once(world, [(world.reviewers[1 + number % 2], path, {}) for number in range(DECIDERS)])
    told_the_truth(answers, "confirmed")
    assert (await rider.points())["available"] == 200
    assert len((await rider.sees("/points/me/entries"))["items"]) == 4


@books
async def test_confirmed_or_refused_and_never_both(world: World) -> None:
    rider, waiting = await waits(world)
    path = f"/points/confirmations/{waiting}"
    orders = [(f"{path}/confirm", {}), (f"{path}/refuse", {"reason": "与上一单为同一处隐患"})]
    answers = await at_once(world, [(world.reviewers[1 + number % 2], *orders[number // 2 % 2]) for number in range(DECIDERS)])
    one_winner([answer.outcome for answer in answers], "invalid_transition")
    (won,) = statuses(answers)
    assert (await rider.points())["available"] == (200 if won == "confirmed" else 150)
    mine = (await rider.sees("/points/me/awards"))["items"]
    assert Counter(one["status"] for one in mine) == Counter({"credited": 4} if won == "confirmed" else {"credited": 3, "refused": 1})


@books
async def test_two_approve_at_once_and_one_award_is_made(world: World) -> None:
    rider = await world.rider()
    body = {
        "member_id": rider.id, "rule_code": "SUGGESTION_ADOPTED", "reason": "充电柜选址建议被采纳", "upload_id": await world.admin.photo(),
    }
    made = await world.admin.does("POST", "/points/awards", body)
    path = f"/points/awards/{made['id']}"
    orders = [(world.second_admin, f"{path}/{('approve', 'reject')[number % 2]}", None) for number in range(DECIDERS)]
    answers = await at_once(world, orders)
    one_winner([answer.outcome for answer in answers], "invalid_transition")
    (won,) = statuses(answers)
    assert (await rider.points())["available"] == (100 if won == "approved" else 0)


@books
async def test_three_false_reports_at_once_are_one_stop(world: World) -> None:
    """Each approval counts the others under the balance's lock: the third to come sees two before it."""
    rider = await world.rider()
    paths = []
    for _ in range(3):
        report = await rider.files()
        told = {"reason_code": "abuse", "note": "照片与现场不符"}
        await world.reviewers[0].does("POST", f"/reports/{report['id']}/reject", told)
        body = {"report_id": report["id"], "rule_code": "FALSE_REPORT", "reason": "现场核实不存在", "upload_id": await world.admin.photo()}
        paths.append(f"/points/awards/{(await world.admin.does('POST', '/points/awards', body))['id']}/approve")
    answers = await at_once(world, [(world.second_admin, path, None) for path in paths for _ in range(4)])
    assert statuses(answers) == Counter({"approved": 3})
    standing = await rider.points()
    assert (standing["debt"], standing["earning_stop"] is not None) == (150, True)
    numbers = {report["number"] for report in (await rider.sees("/reports/mine"))["items"]}
    stops = [one for one in (await world.admin.sees("/points/earning-stops"))["items"] if one["report"]["number"] in numbers]
    assert len(stops) == 1


async def test_naive_confirmation_pays_each(service: Service) -> None:
    """Read, then write: each of those who read `pending` pays."""
    async with scratch(service.database_url, "status text", "'pending'") as table:
        heard = await table.race(
            "select status from {table}", may=lambda seen: seen == "pending", writes=["insert into {table} values ('paid')"],
            loser="invalid_transition",
        )
        assert await table.value("select count(*) from {table} where status = 'paid'") == CONTENDERS
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")


async def test_naive_confirmation_is_confirmed_and_refused(service: Service) -> None:
    async with scratch(service.database_url, "status text", "'pending'") as table:
        heard = await table.race(
            "select status from {table}", may=lambda seen: seen == "pending",
            writes=["update {table} set status = 'confirmed'", "update {table} set status = 'refused'"], loser="invalid_transition",
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "invalid_transition")


async def test_naive_count_of_false_reports_stops_nobody(service: Service) -> None:
    """Each counts before any has written: all see two, and none is the third."""
    async with scratch(service.database_url, "approved int", "1") as table:
        heard = await table.race(
            "select count(*) from {table}", may=lambda seen: int(seen) + 1 >= 3, writes=["insert into {table} values (1)"], loser="no stop"
        )
    with pytest.raises(AssertionError):
        one_winner(heard, "no stop")
