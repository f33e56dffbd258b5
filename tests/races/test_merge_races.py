"""Several reporters and one problem, all at once: no circle of merges, nobody joins what is over without hearing of it."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from tests.races.naive import scratch
from tests.support.newcomer import Caller, World
from tests.support.service import Service
from tests.support.volley import shot, volley

JOINERS = 12
CLOSED = "上报已办结"


def one_merge(outcomes: Sequence[str], merged: int) -> None:
    """One of the two went into the other; everybody else hears that this is so already, or that there is nothing to merge into."""
    assert list(outcomes).count("ok") == 1 == merged, (outcomes, merged)
    assert set(outcomes) <= {"ok", "invalid_transition", "conflict"}, outcomes


def all_told(joined: int, told: int) -> None:
    """Whoever got in before the end is told of the end."""
    assert joined == told, (joined, told)


async def test_two_reports_are_not_merged_into_each_other(world: World) -> None:
    first, second = [await (await world.rider()).files() for _ in range(2)]
    pairs = ((first, second), (second, first))
    shots = [
        shot(world.reviewers[n % 3], f"/reports/{pairs[n % 2][0]['id']}/merge", {"into_id": pairs[n % 2][1]["id"]}, key=uuid4().hex)
        for n in range(40)
    ]
    outcomes = [answer.outcome for answer in await volley(world.service, shots)]
    shown = [await world.reviewers[0].sees(f"/reports/{one['id']}") for one in (first, second)]
    one_merge(outcomes, sum(one["merged_into"] is not None for one in shown))
    assert [one["joined_count"] for one in shown if one["merged_into"] is None] == [1]


async def test_taking_apart_against_merging_on_loses_nobody(world: World) -> None:
    """A was merged into B: A is taken out while B is merged into C. Whatever comes first, A's reporter is where A is."""
    riders = [await world.rider() for _ in range(3)]
    a, b, c = [await rider.files() for rider in riders]
    reviewer = world.reviewers[0]
    await reviewer.does("POST", f"/reports/{a['id']}/merge", {"into_id": b["id"]})
    shots = [shot(world.reviewers[n % 3], f"/reports/{b['id']}/merge", {"into_id": c["id"]}, key=uuid4().hex) for n in range(10)]
    shots += [shot(world.reviewers[n % 3], f"/reports/{a['id']}/unmerge", {"reason": "两处"}, key=uuid4().hex) for n in range(10)]
    outcomes = [answer.outcome for answer in await volley(world.service, shots)]
    assert outcomes.count("ok") == 2 and set(outcomes) == {"ok", "invalid_transition"}, outcomes
    shown = [await reviewer.sees(f"/reports/{one['id']}") for one in (a, b, c)]
    assert [one["status"] for one in shown] == ["submitted", "merged", "submitted"]
    assert [one["joined_count"] for one in shown] == [0, 0, 1]
    assert (await riders[0].send("GET", f"/reports/{c['id']}")).status_code == 404


async def led_to_feedback(world: World, rider: Caller) -> dict[str, Any]:
    report = await rider.files()
    path, reviewer = f"/reports/{report['id']}", world.reviewers[0]
    await reviewer.does("POST", f"{path}/accept", {"note": "属实"})
    await reviewer.does("POST", f"{path}/dispatch", {"assignee_account_id": world.worker.id})
    await world.worker.does("POST", f"{path}/start")
    await world.worker.does("POST", f"{path}/resolve", {"note": "已清理", "upload_ids": [await world.worker.photo()]})
    await reviewer.does("POST", f"{path}/verify", {"passed": True, "note": "现场已看"})
    return report


async def test_who_joins_at_the_end_hears_of_it_or_is_refused(world: World) -> None:
    rider, joiners = await world.rider(), [await world.rider() for _ in range(JOINERS)]
    report = await led_to_feedback(world, rider)
    path = f"/reports/{report['id']}"
    shots = [shot(one, f"{path}/join", {}, key=uuid4().hex) for one in joiners]
    shots.insert(JOINERS // 2, shot(rider, f"{path}/feedback", {"satisfied": True, "rating": 5}, key=uuid4().hex))
    outcomes = [answer.outcome for answer in await volley(world.service, shots)]
    closed = outcomes.pop(JOINERS // 2)
    assert closed == "ok" and set(outcomes) <= {"ok", "not_found"}, outcomes
    inboxes = [(await one.sees("/messages"))["items"] for one in joiners]
    told = [any(message["title"] == CLOSED for message in inbox) for inbox in inboxes]
    all_told(outcomes.count("ok"), sum(told))
    assert told == [outcome == "ok" for outcome in outcomes]
    assert [(await one.points())["available"] for one in joiners] == [2 if outcome == "ok" else 0 for outcome in outcomes]


async def test_naive_merges_make_a_circle(service: Service) -> None:
    """Each looks whether both are open, and merges the one that it was asked for."""
    async with scratch(service.database_url, "first text, second text", "'open', 'open'") as table:
        heard = await table.race(
            "select first || second from {table}", may=lambda seen: seen == "openopen",
            writes=["update {table} set first = 'merged'", "update {table} set second = 'merged'"], loser="conflict",
        )
        merged = await table.value("select (first = 'merged')::int + (second = 'merged')::int from {table}")
    with pytest.raises(AssertionError):
        one_merge(heard, merged)


async def test_naive_joiners_are_told_nothing(service: Service) -> None:
    """The end is told to those who were there when it was looked up; the others had read that the report is open."""
    async with scratch(service.database_url, "status text, joined int, told int", "'open', 0, 0") as table:
        await table.race(
            "select status from {table}", may=lambda seen: seen == "open",
            writes=["update {table} set status = 'closed', told = 0", "update {table} set joined = joined + 1"], loser="not_found",
        )
        joined, told = [await table.value(f"select {name} from {{table}}") for name in ("joined", "told")]
    with pytest.raises(AssertionError):
        all_told(joined, told)
