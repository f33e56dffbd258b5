"""Who sees a report and who may command it; what each is shown of the others."""

import json

from app.auth.roles import Role
from app.db.base import new_id
from app.members import service as members_service
from tests.reports.scene import Scene, on


async def test_strangers_and_other_areas_find_nothing(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    other = scene.county
    strangers = [
        await scene.people.member(), await scene.people.member(grants=[on(Role.REVIEWER, other.other_community.id)]),
        await scene.people.member(grants=[on(Role.GRID_WORKER, other.other_grid.id)]),
        await scene.people.member(grants=[on(Role.AUDITOR, other.root.id)]), await scene.people.console(),
    ]
    for stranger in strangers:
        for path in (f"/{report_id}", f"/{report_id}/timeline"):
            answer = await scene.client.get(f"/api/v1/reports{path}", headers=stranger.headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert await scene.refused(stranger, report_id, "accept", {}) == (404, "not_found")
    assert await scene.refused(scene.reviewer, str(new_id()), "accept", {}) == (404, "not_found")


async def test_each_sees_what_the_duty_needs(scene: Scene) -> None:
    await members_service.set_profile(scene.session, member_id=scene.reporter.id, real_name="欧阳小明")
    report_id = await scene.at("dispatched")
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])
    mine = await scene.get(scene.reporter, f"/{report_id}")
    assert (mine["reporter"], mine["assignee"], mine["mine"], mine["text_check"]) == (None, None, True, None)
    by_reviewer = await scene.get(scene.reviewer, f"/{report_id}")
    assert by_reviewer["reporter"]["alias"].startswith("小哥") and by_reviewer["assignee"]["id"] == str(scene.worker.id)
    assert (await scene.get(scene.worker, f"/{report_id}"))["reporter"]["name"] == "欧阳*"
    for shown in (by_reviewer, await scene.get(scene.worker, f"/{report_id}"), await scene.get(admin, f"/{report_id}")):
        assert str(scene.reporter.id) not in json.dumps(shown), "the account of a reporter is told to nobody"
    assert await scene.refused(admin, report_id, "dispatch", {"assignee_account_id": str(scene.worker.id)}) == (403, "forbidden")
    assert await scene.refused(scene.reporter, report_id, "start") == (403, "forbidden")
    assert await scene.refused(scene.worker, report_id, "verify", {"passed": True, "note": "x"}) == (403, "forbidden")


async def test_nobody_decides_on_an_own_report(scene: Scene) -> None:
    made = await scene.file(scene.reviewer)
    assert await scene.refused(scene.reviewer, made["id"], "accept", {}) == (403, "forbidden")
    assert (await scene.get(scene.reviewer, f"/{made['id']}"))["allowed"] == ["withdraw", "amend"]
    joined = await scene.file()
    await scene.give(scene.reviewer, joined["id"], "join")
    assert await scene.refused(scene.reviewer, joined["id"], "accept", {}) == (403, "forbidden"), "a joiner would pay themselves"
    colleague = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    await scene.give(colleague, made["id"], "accept", {})


async def test_nobody_verifies_their_own_work(scene: Scene) -> None:
    both = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.community.id), on(Role.GRID_WORKER, scene.county.grid.id)])
    report_id = (await scene.file())["id"]
    await scene.lead(report_id, "resolved", worker=both)
    assert await scene.refused(both, report_id, "verify", {"passed": True, "note": "x"}) == (403, "forbidden")
    assert "verify" not in (await scene.get(both, f"/{report_id}"))["allowed"]
    await scene.give(scene.reviewer, report_id, "verify", {"passed": True, "note": "x"})


async def test_lists_hold_the_callers_own(scene: Scene) -> None:
    here = await scene.file()
    there = await scene.file(location=scene.county.place(other=True))
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])

    async def inbox(person: object, **params: str) -> list[str]:
        return [one["id"] for one in (await scene.get(person, "/inbox", **params))["items"]]  # type: ignore[arg-type]

    assert await inbox(scene.reviewer) == [here["id"]]
    assert await inbox(scene.worker) == [here["id"]]
    assert await inbox(above) == [there["id"], here["id"]]
    page = await scene.get(above, "/inbox", limit=1)
    assert [one["id"] for one in page["items"]] == [there["id"]]
    assert [one["id"] for one in (await scene.get(above, "/inbox", limit=1, cursor=page["next_cursor"]))["items"]] == [here["id"]]
    await scene.lead(here["id"], "dispatched")
    assert await inbox(scene.worker, assignee=str(scene.worker.id), status="dispatched", overdue="false") == [here["id"]]
    assert await inbox(above, assignee=str(above.id)) == [] and await inbox(above, overdue="true") == []
    await scene.give(above, there["id"], "reject", {"reason_code": "out_of_area", "note": "x"})
    assert await inbox(above, status="rejected") == [there["id"]] and await inbox(above) == [here["id"]]
    answer = await scene.client.get("/api/v1/reports/inbox", headers=scene.reporter.headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert [one["id"] for one in (await scene.get(scene.reporter, "/mine"))["items"]] == [there["id"], here["id"]]
    assert (await scene.get(scene.worker, "/mine"))["items"] == []
