"""Which unit answers for a report, whom the reviewer is offered, and what changed rules would do."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app import clock
from app.auth.roles import Role
from app.reports import queries
from app.reports.models import Report
from tests.reports.scene import Scene, on
from tests.support.people import Person

HOLE, BIN = "road_hole", "bin_overflow"


@pytest.fixture
async def admin(scene: Scene) -> Person:
    return await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])


async def post(scene: Scene, admin: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await scene.client.post(f"/api/v1{path}", json=body, headers=admin.headers)
    assert answer.status_code in (200, 201), answer.text
    made: dict[str, Any] = answer.json()
    return made


async def unit(scene: Scene, admin: Person, name: str, *members: Person) -> dict[str, str]:
    body = {"name": name, "kind": "grid_team", "area_id": str(scene.county.root.id)}
    made = await post(scene, admin, "/units", body)
    for member in members:
        await post(scene, admin, f"/units/{made['id']}/members", {"account_id": str(member.id)})
    return {"id": made["id"], "name": name}


async def rule(scene: Scene, admin: Person, to: dict[str, str], **more: Any) -> dict[str, Any]:
    return await post(scene, admin, "/routing-rules", {"area_id": str(scene.county.root.id), "unit_id": to["id"]} | more)


async def dispatch(scene: Scene, report_id: str, worker: Person) -> dict[str, Any]:
    return await scene.give(scene.reviewer, report_id, "dispatch", {"assignee_account_id": str(worker.id)})


async def test_the_workers_own_unit_then_the_rules_then_none(scene: Scene, admin: Person) -> None:
    first, second = await scene.at("accepted"), await scene.at("accepted")
    assert (await dispatch(scene, first, scene.worker))["unit"] is None, "a county without rules"
    roads = await unit(scene, admin, "市政")
    said = await rule(scene, admin, roads, category_code=HOLE)
    assert (await dispatch(scene, second, scene.worker))["unit"] == roads
    member = await scene.people.member(grants=[on(Role.GRID_WORKER, scene.county.community.id)])
    team = await unit(scene, admin, "网格队", member)
    assert (await dispatch(scene, second, member))["unit"] == team, "the own unit comes before the rules"
    assert (await dispatch(scene, first, scene.worker))["unit"] == roads
    facts = [event.facts for event, _ in await queries.timeline(scene.session, report_id=UUID(first)) if event.command == "dispatch"]
    assert facts[-1]["unit_id"] == roads["id"] and facts[-1]["rule_id"] == said["id"] and "unit_id" not in facts[0]


async def test_no_assignee_no_unit(scene: Scene, admin: Person) -> None:
    await rule(scene, admin, await unit(scene, admin, "市政"))
    report_id = await scene.at("dispatched")
    assert (await scene.give(scene.worker, report_id, "send-back", {"reason": "不归我"}))["status"] == "accepted"
    assert (await scene.get(scene.reviewer, f"/{report_id}"))["unit"] is None
    closed = await scene.at("closed")
    assert (await scene.get(scene.reviewer, f"/{closed}"))["unit"]["name"] == "市政"
    await scene.give(scene.reporter, closed, "reopen", {"reason": "又坏了"})
    assert (await scene.get(scene.reviewer, f"/{closed}"))["unit"] is None


async def test_suggestions(scene: Scene, admin: Person) -> None:
    county, people = scene.county, scene.people
    grid, community, street = scene.worker, *[
        await people.member(grants=[on(Role.GRID_WORKER, area.id)]) for area in (county.community, county.street)
    ]
    await people.member(grants=[on(Role.GRID_WORKER, county.other_grid.id)])
    joiner = await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)])
    idle = await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)])
    await scene.at("in_progress")
    report_id = (await scene.file())["id"]
    await scene.give(joiner, report_id, "join")
    told = await scene.get(scene.reviewer, f"/{report_id}/suggestions")
    assert (told["unit"], told["rule"]) == (None, None)
    assert [one["id"] for one in told["assignees"]] == [str(one.id) for one in (idle, grid, community, street)]
    assert told["assignees"][1] | {"name": ""} == {
        "id": str(grid.id), "name": "", "reasons": ["负责该网格", "在办 1 件"], "open_cases": 1, "same_grid": True, "unit": None
    }
    roads = await unit(scene, admin, "市政", street)
    said = await rule(scene, admin, roads, category_code=HOLE)
    told = await scene.get(scene.reviewer, f"/{report_id}/suggestions")
    assert told["unit"] == roads and told["rule"] == {"id": said["id"], "why": "测试县的“路面坑洞”由市政负责"}
    best = told["assignees"][0]
    assert (best["id"], best["unit"], best["reasons"]) == (str(street.id), roads, ["属于市政", "负责该街道", "在办 0 件"])


async def test_suggestions_are_the_reviewers(scene: Scene, admin: Person, statements: list[str]) -> None:
    report_id = (await scene.file())["id"]
    strangers = [await scene.people.member(), await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)])]
    for people, status in (((scene.reporter, scene.worker, admin), 403), (strangers, 404)):
        for person in people:
            answer = await scene.client.get(f"/api/v1/reports/{report_id}/suggestions", headers=person.headers)
            assert answer.status_code == status
    statements.clear()
    await scene.get(scene.reviewer, f"/{report_id}/suggestions")
    one = len(statements)
    for _ in range(5):
        await scene.people.member(grants=[on(Role.GRID_WORKER, scene.county.grid.id)])
    statements.clear()
    assert len((await scene.get(scene.reviewer, f"/{report_id}/suggestions"))["assignees"]) == 6
    assert len(statements) == one


async def try_out(scene: Scene, admin: Person, rules: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    today = clock.today().isoformat()
    return await post(scene, admin, "/routing-rules/dry-run", {"rules": rules, "from": today, "to": today} | more)


async def test_a_dry_run_says_what_the_rules_will_do(scene: Scene, admin: Person) -> None:
    """Known before, stored afterwards, then met by real dispatches: three times the same figures."""
    old, new = await unit(scene, admin, "旧单位"), await unit(scene, admin, "新单位")
    standing = await rule(scene, admin, old)
    holes = [(await scene.file())["number"] for _ in range(2)]
    bins = [(await scene.file(category_code=BIN))["id"]]
    proposed = [{"category_code": HOLE, "area_id": str(scene.county.community.id), "unit_id": new["id"], "priority": 0}]
    told = await try_out(scene, admin, proposed)
    assert (told["cases"], told["changed"], told["unmatched"]) == (3, 2, 0)
    assert told["by_unit"] == [{"unit": new, "now": 0, "then": 2}, {"unit": old, "now": 3, "then": 1}]
    assert told["examples"] == [{"number": number, "now": old, "then": new} for number in holes]
    assert (await scene.client.get("/api/v1/routing-rules", headers=admin.headers)).json()["items"] == [standing], "nothing is stored"
    await post(scene, admin, "/routing-rules", proposed[0])
    real = await try_out(scene, admin, [])
    assert {one["unit"]["id"]: one["now"] for one in real["by_unit"]} == {new["id"]: 2, old["id"]: 1} and real["changed"] == 0
    for line in (await scene.get(scene.reviewer, "/inbox"))["items"]:
        await scene.give(scene.reviewer, line["id"], "accept", {})
        dispatched = await dispatch(scene, line["id"], scene.worker)
        assert dispatched["unit"] == (old if line["id"] in bins else new)
    without = await try_out(scene, admin, [], without=[standing["id"]])
    assert (without["changed"], without["unmatched"], without["examples"][0]["then"]) == (1, 1, None)


async def test_last_month_is_what_a_dry_run_is_made_over(scene: Scene, admin: Person) -> None:
    made = await scene.file()
    unasked = await post(scene, admin, "/routing-rules/dry-run", {"rules": []})
    last = clock.month_start(clock.today()) - timedelta(days=1)
    assert (unasked["from"], unasked["to"], unasked["cases"]) == (last.replace(day=1).isoformat(), last.isoformat(), 0)
    report = await scene.session.get(Report, made["id"])
    assert report is not None
    report.created_at = clock.day_start(last)
    await scene.session.flush()
    assert (await post(scene, admin, "/routing-rules/dry-run", {"rules": []}))["cases"] == 1


async def test_a_dry_run_is_for_administrators_over_their_own(scene: Scene, admin: Person) -> None:
    new = await unit(scene, admin, "新单位")
    await scene.file()
    lower = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.other_community.id)])
    asked = [{"area_id": str(scene.county.root.id), "unit_id": new["id"]}]

    async def refused(person: Person, body: dict[str, Any]) -> tuple[int, str]:
        answer = await scene.client.post("/api/v1/routing-rules/dry-run", json=body, headers=person.headers)
        return answer.status_code, answer.json().get("code", "")

    for person in (scene.reviewer, scene.worker, scene.reporter):
        assert await refused(person, {"rules": []}) == (403, "forbidden")
    assert await refused(lower, {"rules": asked}) == (403, "forbidden")
    own = [asked[0] | {"area_id": str(scene.county.other_community.id)}]
    assert (await try_out(scene, lower, own))["cases"] == 0, "the reports of others are not counted"
    for wrong in ({"rules": [asked[0] | {"category_code": "no_such"}]}, {"rules": [], "from": "2026-11-02"},
                  {"rules": [], "from": "2026-11-02", "to": "2026-11-01"}):
        assert await refused(admin, wrong) == (422, "validation_error")


async def test_a_dry_run_costs_the_same_over_many_reports(scene: Scene, admin: Person, statements: list[str]) -> None:
    await rule(scene, admin, await unit(scene, admin, "旧单位"))
    costs = []
    for _ in range(2):
        await scene.file()
        await scene.file(category_code=BIN, location=scene.county.place(other=True))
        statements.clear()
        await try_out(scene, admin, [])
        costs.append(len(statements))
    assert costs[0] == costs[1]
