"""Merges over several steps, and taking them apart again: nobody is lost, nobody is left behind, everybody is told."""

from typing import Any

import pytest

from app.auth.roles import Role
from tests.reports.scene import Scene, on
from tests.support.people import Person

Filed = dict[str, Any]


@pytest.fixture
async def riders(scene: Scene) -> list[Person]:
    return [await scene.people.member() for _ in range(4)]


async def into(scene: Scene, report: Filed, other: Filed) -> None:
    await scene.give(scene.reviewer, report["id"], "merge", {"into_id": other["id"]})


async def apart(scene: Scene, report: Filed) -> None:
    assert (await scene.give(scene.reviewer, report["id"], "unmerge", {"reason": "两处"}))["status"] == "submitted"


async def reads(scene: Scene, who: Person, *reports: Filed) -> list[bool]:
    """Which of the reports a person may read, as one of its reporters."""
    answers = [await scene.client.get(f"/api/v1/reports/{one['id']}", headers=who.headers) for one in reports]
    assert {answer.status_code for answer in answers} <= {200, 404}
    return [answer.status_code == 200 for answer in answers]


async def target(scene: Scene, report: Filed) -> str | None:
    merged = (await scene.get(scene.reviewer, f"/{report['id']}"))["merged_into"]
    return merged and str(merged["id"])


async def commands(scene: Scene, report: Filed) -> list[str]:
    return [row["command"] for row in await scene.get(scene.reviewer, f"/{report['id']}/timeline")]


async def test_a_branch_leaves_with_what_had_been_merged_into_it(scene: Scene, riders: list[Person]) -> None:
    a, b, c, d = [await scene.file(person) for person in riders]
    for report, other in ((a, b), (b, c), (c, d)):
        await into(scene, report, other)
    assert [await target(scene, one) for one in (a, b, c)] == [d["id"]] * 3
    await apart(scene, b)
    assert [await target(scene, one) for one in (a, b, c)] == [b["id"], None, d["id"]]
    assert await reads(scene, riders[0], a, b, c, d) == [True, True, False, False]
    assert await reads(scene, riders[1], b, c, d) == [True, False, False]
    assert await reads(scene, riders[2], c, d) == [True, True]


async def test_one_that_is_taken_out_of_the_middle_leaves_no_trace_of_its_reporter(scene: Scene, riders: list[Person]) -> None:
    a, b, c = [await scene.file(person) for person in riders[:3]]
    await scene.give(riders[3], a["id"], "join")
    await into(scene, a, b)
    await into(scene, b, c)
    await apart(scene, a)
    for who in (riders[0], riders[3]):
        assert await reads(scene, who, a, b, c) == [True, False, False], "neither the one between them"
        assert "上报已重新进入审核" in await scene.inbox_of(who)
    assert "上报已重新进入审核" not in await scene.inbox_of(riders[1])
    await apart(scene, b)
    assert await reads(scene, riders[0], b) == [False]


async def test_a_second_report_of_the_same_person_keeps_them_in(scene: Scene, riders: list[Person]) -> None:
    twice, other = riders[:2]
    first, second, target_ = await scene.file(twice), await scene.file(twice), await scene.file(other)
    await into(scene, first, target_)
    await into(scene, second, target_)
    assert (await scene.get(scene.reviewer, f"/{target_['id']}"))["joined_count"] == 1
    await apart(scene, first)
    assert await reads(scene, twice, target_) == [True], "the second still tells of it"
    await apart(scene, second)
    assert await reads(scene, twice, target_) == [False]


async def test_who_joined_by_hand_stays_and_who_filed_both_is_no_joiner(scene: Scene, riders: list[Person]) -> None:
    one, both = riders[:2]
    target_, own, mine = await scene.file(both), await scene.file(one), await scene.file(both)
    await scene.give(one, target_["id"], "join")
    await into(scene, own, target_)
    await into(scene, mine, target_)
    shown = await scene.get(both, f"/{target_['id']}")
    assert (shown["joined_count"], shown["joined"], shown["mine"]) == (1, False, True)
    await apart(scene, own)
    assert await reads(scene, one, target_) == [True]


async def test_all_reporters_hear_of_everything_and_one_bad_verdict_disputes(scene: Scene, riders: list[Person]) -> None:
    merged, joined_merged, joined = riders[:3]
    main, other = await scene.file(), await scene.file(merged)
    await scene.give(joined_merged, other["id"], "join")
    await scene.give(joined, main["id"], "join")
    await into(scene, other, main)
    await scene.lead(main["id"], "awaiting_feedback")
    for who in (scene.reporter, merged, joined_merged, joined):
        titles = await scene.inbox_of(who)
        assert {"上报已受理", "上报已派单", "上报处理中", "上报已处置", "请评价处理结果"} <= set(titles), titles
        assert "feedback" in (await scene.get(who, f"/{main['id']}"))["allowed"]
    assert [await scene.points(who) for who in (scene.reporter, merged, joined_merged, joined)] == [10, 2, 2, 2]
    for who in (joined, joined_merged):
        assert (await scene.give(who, main["id"], "feedback", {"satisfied": True, "rating": 5}))["status"] == "awaiting_feedback"
    assert (await scene.give(merged, main["id"], "feedback", {"satisfied": False}))["status"] == "disputed"
    assert "已收到不满意的评价" in await scene.inbox_of(joined) and "上报人不满意" in await scene.inbox_of(scene.reviewer)


async def test_a_joiner_is_paid_five_times_a_day(scene: Scene, riders: list[Person]) -> None:
    joiner = riders[0]
    for number in range(6):
        made = await scene.file(await scene.people.member())
        await scene.give(joiner, made["id"], "join")
        await scene.give(scene.reviewer, made["id"], "accept", {})
        assert await scene.points(joiner) == 2 * min(number + 1, 5)


async def test_both_timelines_tell(scene: Scene, riders: list[Person]) -> None:
    report, other = await scene.file(riders[0]), await scene.file(riders[1])
    await into(scene, report, other)
    await apart(scene, report)
    assert await commands(scene, report) == ["submit", "merge", "unmerge"]
    assert await commands(scene, other) == ["submit", "join", "leave"]


async def test_withdrawing_sends_each_branch_back_as_it_was(scene: Scene, riders: list[Person]) -> None:
    """Also where the withdrawn one had a life before it was last sent back to review; a joiner by hand is asked to report anew."""
    a, b = await scene.file(riders[0]), await scene.file(riders[1])
    main, elsewhere = await scene.file(), await scene.file(riders[2])
    await scene.give(riders[3], main["id"], "join")
    await scene.lead(main["id"], "dispatched")
    await scene.give(scene.worker, main["id"], "send-back", {"reason": "不归我"})
    await into(scene, main, elsewhere)
    await apart(scene, main)
    await into(scene, a, b)
    await into(scene, b, main)
    await scene.give(scene.reporter, main["id"], "withdraw")
    assert [await target(scene, one) for one in (a, b)] == [b["id"], None]
    assert (await scene.get(scene.reviewer, f"/{b['id']}"))["status"] == "submitted"
    answer = await scene.client.get("/api/v1/messages", headers=riders[3].headers)
    (told,) = [one["body"] for one in answer.json()["items"] if one["title"] == "上报已撤回"]
    assert told.endswith("如果问题还在，请您另行上报。")


async def test_only_a_reviewer_of_both_may_merge(scene: Scene, riders: list[Person]) -> None:
    here, there = await scene.file(riders[0]), await scene.file(riders[1], location=scene.county.place(other=True))
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    refused = await scene.refused(scene.reviewer, here["id"], "merge", {"into_id": there["id"]})
    assert refused == (404, "not_found") and await target(scene, here) is None
    await scene.give(above, here["id"], "merge", {"into_id": there["id"]})
    assert await target(scene, here) == there["id"]
