"""reliability.md S04: reviewers at one instant on one report: one step, one timeline row, one award; the others are told how it stands."""

from typing import Any
from uuid import uuid4

import pytest

from tests.races.judges import told_the_truth
from tests.support.newcomer import Caller, World
from tests.support.volley import Answer, shot, volley

REVIEWERS = 48
pytestmark = pytest.mark.usefixtures("clean_books")
VERDICTS = ({"passed": True, "note": "现场已看"}, {"passed": False, "note": "没修好"})


async def steps(caller: Caller, report_id: str, *commands: str) -> list[str]:
    """The states that these commands have led to, by the timeline."""
    return [row["to"] for row in await caller.sees(f"/reports/{report_id}/timeline") if row["command"] in commands]


async def resolved(world: World, rider: Caller) -> str:
    report_id = str((await rider.files())["id"])
    dispatch = {"assignee_account_id": world.worker.id}
    await world.reviewers[0].does("POST", f"/reports/{report_id}/accept", {})
    await world.reviewers[0].does("POST", f"/reports/{report_id}/dispatch", dispatch)
    await world.worker.does("POST", f"/reports/{report_id}/start")
    after = {"note": "已清运", "upload_ids": [await world.worker.photo()]}
    await world.worker.does("POST", f"/reports/{report_id}/resolve", after)
    return report_id


async def at_once(world: World, report_id: str, *orders: tuple[str, dict[str, Any]]) -> list[Answer]:
    """Three reviewers, over both workers, each order in turn."""
    shots = []
    for number in range(REVIEWERS):
        command, body = orders[number % len(orders)]
        shots.append(shot(world.reviewers[number % 3], f"/reports/{report_id}/{command}", body, key=uuid4().hex))
    return await volley(world.service, shots)


@pytest.mark.check("S04")
async def test_one_accepts_and_the_others_hear_it(world: World) -> None:
    rider = await world.rider()
    report_id = (await rider.files())["id"]
    told_the_truth(await at_once(world, report_id, ("accept", {"note": "属实"})), "accepted")
    assert await steps(rider, report_id, "accept") == ["accepted"]
    assert [entry["kind"] for entry in (await rider.sees("/points/me/entries"))["items"]] == ["earn"]


@pytest.mark.check("S04")
async def test_accepted_or_rejected_and_never_both(world: World) -> None:
    rider = await world.rider()
    report_id = (await rider.files())["id"]
    orders = ("accept", {"note": "属实"}), ("reject", {"reason_code": "not_a_problem", "note": "不属实"})
    answers = await at_once(world, report_id, *orders)
    status = (await rider.sees(f"/reports/{report_id}"))["status"]
    told_the_truth(answers, status)
    assert await steps(rider, report_id, "accept", "reject") == [status]
    assert (await rider.points())["available"] == (10 if status == "accepted" else 0)


@pytest.mark.parametrize("verdicts", [VERDICTS[:1], VERDICTS], ids=["yes and yes", "yes and no"])
async def test_one_verdict_on_the_work(world: World, verdicts: tuple[dict[str, Any], ...]) -> None:
    rider = await world.rider()
    report_id = await resolved(world, rider)
    answers = await at_once(world, report_id, *(("verify", verdict) for verdict in verdicts))
    shown = await rider.sees(f"/reports/{report_id}")
    told_the_truth(answers, shown["status"])
    assert await steps(rider, report_id, "verify") == [shown["status"]]
    assert shown["rework_count"] == (shown["status"] == "in_progress")
