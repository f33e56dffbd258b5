"""Several reporters of one problem: joining, merging, and taking a merge apart."""

import json

from app.auth.roles import Role
from tests.reports.scene import Scene, on


async def test_a_joiner_reads_hears_and_is_paid(scene: Scene) -> None:
    made = await scene.file(description="路面有坑")
    joiner = await scene.people.member()
    shown = await scene.give(joiner, made["id"], "join")
    assert shown["joined"] and shown["description"] == "路面有坑" and shown["reporter"] is None and shown["allowed"] == []
    assert str(scene.reporter.id) not in json.dumps(shown)
    assert await scene.refused(joiner, made["id"], "join") == (409, "already_exists")
    assert await scene.refused(scene.reporter, made["id"], "join") == (409, "already_exists")
    await scene.lead(made["id"], "awaiting_feedback")
    assert (await scene.points(joiner), await scene.points(scene.reporter)) == (2, 10)
    shown = await scene.give(joiner, made["id"], "feedback", {"satisfied": True, "rating": 4})
    assert shown["status"] == "awaiting_feedback", "a joiner's yes is noted"
    await scene.give(scene.reporter, made["id"], "feedback", {"satisfied": True})
    assert (await scene.give(joiner, made["id"], "reopen", {"reason": "又坏了"}))["status"] == "reopened"
    late = await scene.people.member()
    await scene.give(late, made["id"], "join")
    assert await scene.points(late) == 2, "the case is accepted already"


async def test_a_joiners_no_disputes(scene: Scene) -> None:
    made = await scene.file()
    joiner = await scene.people.member()
    await scene.give(joiner, made["id"], "join")
    await scene.lead(made["id"], "awaiting_feedback")
    assert (await scene.give(joiner, made["id"], "feedback", {"satisfied": False}))["status"] == "disputed"


async def test_what_has_ended_takes_no_joiner(scene: Scene) -> None:
    made = await scene.file()
    await scene.give(scene.reviewer, made["id"], "reject", {"reason_code": "abuse", "note": "x"})
    stranger = await scene.people.member()
    assert await scene.refused(stranger, made["id"], "join") == (404, "not_found")
    assert await scene.refused(scene.worker, made["id"], "join") == (409, "invalid_transition")


async def test_merge_and_unmerge(scene: Scene) -> None:
    second, third = await scene.people.member(), await scene.people.member()
    into, other = await scene.file(), await scene.file(second)
    await scene.give(third, other["id"], "join")
    assert await scene.refused(scene.reviewer, other["id"], "merge", {"into_id": other["id"]}) == (422, "validation_error")
    away = await scene.file(location=scene.county.place(other=True))
    assert await scene.refused(scene.reviewer, other["id"], "merge", {"into_id": away["id"]}) == (404, "not_found")
    shown = await scene.give(scene.reviewer, other["id"], "merge", {"into_id": into["id"]})
    assert shown["status"] == "merged" and shown["merged_into"]["number"] == into["number"] and shown["allowed"] == ["unmerge"]
    assert (await scene.get(second, f"/{into['id']}"))["joined"] and (await scene.get(third, f"/{into['id']}"))["joined"]
    shown = await scene.give(scene.reviewer, other["id"], "unmerge", {"reason": "两处"})
    assert shown["status"] == "submitted" and shown["merged_into"] is None and shown["due"]["stage"] == "review"
    assert (await scene.client.get(f"/api/v1/reports/{into['id']}", headers=second.headers)).status_code == 404
    await scene.give(scene.reviewer, other["id"], "merge", {"into_id": into["id"]})
    await scene.lead(into["id"], "closed")
    assert [await scene.points(one) for one in (scene.reporter, second, third)] == [20, 2, 2]
    assert await scene.refused(scene.reviewer, other["id"], "unmerge", {"reason": "晚了"}) == (409, "invalid_transition")
    assert "上报已办结" in await scene.inbox_of(second), "everyone who joined is told"


async def test_an_accepted_report_is_not_paid_again_as_joined(scene: Scene) -> None:
    second = await scene.people.member()
    into, other = await scene.file(), await scene.file(second)
    await scene.give(scene.reviewer, other["id"], "accept", {})
    await scene.give(scene.reviewer, into["id"], "accept", {})
    await scene.give(scene.reviewer, other["id"], "merge", {"into_id": into["id"]})
    assert await scene.points(second) == 10
    await scene.give(scene.reviewer, other["id"], "unmerge", {"reason": "两处"})
    await scene.give(scene.reviewer, other["id"], "accept", {"severity": "hazard"})
    assert await scene.points(second) == 10, "one acceptance in the life of a report"


async def test_merging_what_was_merged_into(scene: Scene) -> None:
    people = [await scene.people.member() for _ in range(3)]
    a, b, c = [await scene.file(person) for person in people]
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.root.id)])
    await scene.give(above, a["id"], "merge", {"into_id": b["id"]})
    await scene.give(above, b["id"], "merge", {"into_id": c["id"]})
    assert (await scene.get(people[0], f"/{a['id']}"))["merged_into"]["id"] == c["id"]
    assert await scene.refused(above, a["id"], "merge", {"into_id": c["id"]}) == (409, "invalid_transition")
    await scene.give(above, b["id"], "unmerge", {"reason": "两处"})
    assert (await scene.get(people[0], f"/{a['id']}"))["merged_into"]["id"] == b["id"], "what was merged before goes back along"
    assert (await scene.client.get(f"/api/v1/reports/{c['id']}", headers=people[0].headers)).status_code == 404
    d = await scene.file(people[0])
    await scene.give(above, d["id"], "reject", {"reason_code": "abuse", "note": "x"})
    e = await scene.file(people[1])
    assert await scene.refused(above, e["id"], "merge", {"into_id": d["id"]}) == (409, "conflict")


async def test_withdrawing_loses_no_merged_report(scene: Scene) -> None:
    second = await scene.people.member()
    into, other = await scene.file(), await scene.file(second)
    await scene.give(scene.reviewer, other["id"], "merge", {"into_id": into["id"]})
    await scene.give(scene.reporter, into["id"], "withdraw")
    shown = await scene.get(second, f"/{other['id']}")
    assert shown["status"] == "submitted" and shown["merged_into"] is None
