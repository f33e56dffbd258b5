"""转交 and 上报上级: who answers for a report afterwards, who hears of it, who sees it."""

from uuid import UUID

import pytest

from app.areas.models import Area, Level
from app.auth.roles import Role
from app.db.base import new_id
from app.reports.models import Report
from tests.reports.scene import Scene, on
from tests.support.people import Person

GONE = (404, "not_found")


async def elsewhere(scene: Scene) -> Area:
    """A community of another tenant."""
    root = Area(level=Level.COUNTY, code="370898", name="邻县", path="370898/")
    scene.session.add(root)
    await scene.session.flush()
    area = Area(parent_id=root.id, level=Level.COMMUNITY, code="370898001001", name="邻社区", path="370898/370898001001/")
    scene.session.add(area)
    await scene.session.flush()
    return area


async def handed(scene: Scene, who: Person, report_id: str, area_id: UUID) -> tuple[int, str]:
    return await scene.refused(who, report_id, "transfer", {"area_id": str(area_id), "reason": "不归我管"})


async def test_a_transfer_hands_the_report_to_another_community(scene: Scene) -> None:
    made = await scene.file()
    taker = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])
    body = {"area_id": str(scene.county.other_community.id), "reason": "位置在建设社区"}
    shown = await scene.give(scene.reviewer, made["id"], "transfer", body)
    assert (shown["status"], shown["community"]["name"], shown["grid"], shown["allowed"]) == ("submitted", "建设社区", None, [])
    assert (shown["version"], shown["reporter"], shown["description"]) == (2, None, "路面有坑")
    assert shown["due"]["at"] >= made["due"]["at"], "the stage begins anew"
    assert await scene.refused(scene.reviewer, made["id"], "accept", {}) == GONE
    assert await scene.inbox_of(taker) == ["有上报转交给您"] and await scene.inbox_of(scene.reporter) == ["上报已转交"]
    assert await scene.inbox_of(scene.reviewer) == [], "who did it knows it"
    row = (await scene.get(taker, f"/{made['id']}/timeline"))[-1]
    assert (row["command"], row["from"], row["to"], row["note"]) == ("transfer", "submitted", "submitted", "位置在建设社区")
    await scene.give(taker, made["id"], "accept", {})


async def test_a_street_answers_for_a_place_that_stays_where_it_is(scene: Scene) -> None:
    made = await scene.file()
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    shown = await scene.give(above, made["id"], "transfer", {"area_id": str(scene.county.street.id), "reason": "街道直接办"})
    assert (shown["community"]["name"], shown["grid"]) == ("东风社区", None) and "accept" in shown["allowed"]
    assert await scene.refused(scene.reviewer, made["id"], "accept", {}) == GONE
    back = await scene.give(above, made["id"], "transfer", {"area_id": str(scene.county.grid.id), "reason": "还给网格"})
    assert (back["community"]["name"], back["grid"]["name"]) == ("东风社区", "第一网格")
    await scene.give(scene.reviewer, made["id"], "accept", {})


@pytest.mark.parametrize("state", ["accepted", "reopened"])
async def test_it_stays_in_its_state(scene: Scene, state: str) -> None:
    report_id = await scene.at("accepted" if state == "accepted" else "closed")
    if state == "reopened":
        await scene.give(scene.reporter, report_id, "reopen", {"reason": "又坏了"})
    shown = await scene.give(scene.reviewer, report_id, "transfer", {"area_id": str(scene.county.other_grid.id), "reason": "那边的"})
    assert (shown["status"], shown["due"]["stage"], shown["assignee"]) == (state, "dispatch", None)


async def test_where_a_report_cannot_go(scene: Scene) -> None:
    made = await scene.file()
    county = scene.county
    for area_id in (county.root.id, county.grid.id, (await elsewhere(scene)).id, new_id()):
        assert await handed(scene, scene.reviewer, made["id"], area_id) == (422, "validation_error")
    assert await handed(scene, scene.reporter, made["id"], county.other_community.id) == (403, "forbidden")
    assert await handed(scene, scene.worker, made["id"], county.other_community.id) == (403, "forbidden")
    assert await handed(scene, await scene.people.member(), made["id"], county.other_community.id) == GONE
    await scene.lead(made["id"], "dispatched")
    assert await handed(scene, scene.reviewer, made["id"], county.other_community.id) == (409, "invalid_transition")
    assert (await scene.get(scene.reporter, f"/{made['id']}"))["community"]["name"] == "东风社区"


async def test_escalation_goes_up_one_level_at_a_time_and_tells_those_above(scene: Scene) -> None:
    report_id = await scene.at("in_progress")
    street = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    county = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])
    colleague = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.community.id)])
    shown = await scene.give(scene.reviewer, report_id, "escalate", {"reason": "协调不了"})
    assert (shown["status"], shown["escalated_to"]["name"]) == ("in_progress", "测试街道") and "escalate" in shown["allowed"]
    assert "有上报需要您关注" in await scene.inbox_of(street) and "有上报需要您关注" in await scene.inbox_of(county)
    assert "有上报需要您关注" not in await scene.inbox_of(colleague), "those below have it already"
    shown = await scene.give(street, report_id, "escalate", {"reason": "街道也协调不了"})
    assert shown["escalated_to"]["name"] == "测试县" and "escalate" not in shown["allowed"]
    assert (await scene.inbox_of(county)).count("有上报需要您关注") == 2 and (await scene.inbox_of(street)).count("有上报需要您关注") == 1
    answer = await scene.post(scene.reviewer, f"/{report_id}/escalate", {"reason": "再上"})
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (409, "conflict", "已上报至最高一级")
    assert (await scene.get(scene.reporter, f"/{report_id}"))["escalated_to"] is None, "for staff only"
    assert (await scene.get(scene.worker, f"/{report_id}"))["escalated_to"]["name"] == "测试县"
    assert await scene.refused(scene.worker, report_id, "escalate", {"reason": "x"}) == (403, "forbidden")


async def test_an_escalation_ends_with_the_case(scene: Scene) -> None:
    report_id = await scene.at("resolved")
    for _ in range(2):
        await scene.give(scene.reviewer, report_id, "escalate", {"reason": "请关注"})
    await scene.lead(report_id, "closed", since="resolved")
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["escalated_to"] is None
    assert await scene.refused(scene.reviewer, report_id, "escalate", {"reason": "x"}) == (409, "invalid_transition")
    await scene.give(scene.reporter, report_id, "reopen", {"reason": "又坏了"})
    shown = await scene.give(scene.reviewer, report_id, "escalate", {"reason": "再来"})
    assert shown["escalated_to"]["name"] == "测试街道"


async def test_what_a_street_answers_for_is_escalated_to_the_county(scene: Scene) -> None:
    made = await scene.file()
    above = await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])
    await scene.give(above, made["id"], "escalate", {"reason": "先告诉街道"})
    shown = await scene.give(above, made["id"], "transfer", {"area_id": str(scene.county.street.id), "reason": "街道办"})
    assert shown["escalated_to"] is None, "whoever takes it over begins anew"
    shown = await scene.give(above, made["id"], "escalate", {"reason": "县里"})
    assert shown["escalated_to"]["name"] == "测试县" and "escalate" not in shown["allowed"]
    row = await scene.session.get(Report, UUID(made["id"]))
    assert row is not None and row.escalated_to_top
