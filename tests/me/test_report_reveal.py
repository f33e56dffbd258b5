"""One full value of a report's reporter, for whose duty it is by the report."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.auth.models import AuthSession
from app.auth.roles import Role
from app.me import queries
from app.members import service as members_service
from app.reports import views_eyes
from tests.reports.scene import Scene, on
from tests.support.people import Person

WHY = {"field": "phone", "reason": "现场需要电话核实位置"}


@pytest.fixture
async def scene(client, session, county, people) -> Scene:
    made = Scene(
        client, session, county, people, reporter=await people.member(phone="13800138031"),
        reviewer=await people.member(grants=[on(Role.REVIEWER, county.community.id)]),
        worker=await people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
    )
    await members_service.set_profile(session, member_id=made.reporter.id, real_name="欧阳小明")
    return made


async def prove(scene: Scene, person: Person) -> Person:
    """Somebody who has just shown again who they are."""
    until = clock.now() + timedelta(minutes=5)
    await scene.session.exec(sa.update(AuthSession).where(col(AuthSession.account_id) == person.id).values(stepped_up_until=until))
    return person


async def ask(scene: Scene, person: Person, report_id: str, **told: Any) -> tuple[int, dict[str, Any]]:
    answer = await scene.post(person, f"/{report_id}/reveal", WHY | told)
    return answer.status_code, answer.json()


async def test_the_assignee_while_the_case_is_open(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    worker = await prove(scene, scene.worker)
    assert await ask(scene, worker, report_id) == (200, {"field": "phone", "value": "13800138031"})
    assert await ask(scene, worker, report_id, field="real_name", purpose="handle_case") == (
        200, {"field": "real_name", "value": "欧阳小明"},
    )
    assert (await scene.inbox_of(scene.reporter)).count("您的手机号被工作人员查看") == 1
    found = await scene.session.exec(sa.select(AuditEvent).where(col(AuditEvent.action) == "members.reveal").order_by(col(AuditEvent.id)))
    events = found.scalars().all()
    assert [(one.actor_id, one.object_id, one.facts["field"], one.facts["report_id"]) for one in events] == [
        (worker.id, scene.reporter.id, field, report_id) for field in ("phone", "real_name")
    ]
    assert [one["reason"] for one in (await queries.export(scene.session, member_id=scene.reporter.id))["reveals"]] == [WHY["reason"]] * 2
    await scene.lead(report_id, "closed", since="dispatched")
    assert (await ask(scene, worker, report_id))[0] == 403, "the case is over"


async def outcomes(scene: Scene, report_id: str) -> dict[str, int]:
    county = scene.county
    asking = {
        "assignee": scene.worker, "reviewer": scene.reviewer, "reporter": scene.reporter,
        "area_admin": await scene.people.member(grants=[on(Role.AREA_ADMIN, county.street.id)]),
        "another grid_worker": await scene.people.member(grants=[on(Role.GRID_WORKER, county.grid.id)]),
        "area_admin elsewhere": await scene.people.member(grants=[on(Role.AREA_ADMIN, county.other_community.id)]),
        "auditor": await scene.people.member(grants=[on(Role.AUDITOR, county.root.id)]), "stranger": await scene.people.member(),
    }
    got = {}
    for name, who in asking.items():
        got[name], shown = await ask(scene, await prove(scene, who), report_id)
        assert ("13800138031" in str(shown)) == (got[name] == 200), name
    return got


TABLE = {
    "assignee": 200, "reviewer": 403, "reporter": 403, "area_admin": 200, "another grid_worker": 403, "area_admin elsewhere": 404,
    "auditor": 404, "stranger": 404,
}


async def test_whose_duty_it_is(scene: Scene) -> None:
    assert await outcomes(scene, await scene.at("dispatched")) == TABLE


async def test_a_rule_that_lets_every_official_reveal_is_caught(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known bad: whoever reads the report as an official may reveal."""
    monkeypatch.setattr(views_eyes, "may_reveal", views_eyes.staff)
    got = await outcomes(scene, await scene.at("dispatched"))
    assert {name for name in TABLE if got[name] != TABLE[name]} == {"reviewer", "another grid_worker"}


async def test_it_takes_a_fresh_proof_of_identity_and_a_value(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    status, told = await ask(scene, scene.worker, report_id)
    assert (status, told["code"]) == (403, "step_up_required")
    await prove(scene, scene.worker)
    assert (await ask(scene, scene.worker, report_id))[0] == 200
    nameless = await scene.people.member()
    other = (await scene.file(nameless))["id"]
    for command, who, body in (("accept", scene.reviewer, {}), ("dispatch", scene.reviewer, {"assignee_account_id": str(scene.worker.id)})):
        await scene.give(who, other, command, body)
    assert (await ask(scene, scene.worker, other, field="real_name"))[0] == 404


async def test_twenty_an_hour_over_both_ways(scene: Scene) -> None:
    report_id = await scene.at("dispatched")
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)], stepped_up=True)
    await members_service.set_profile(scene.session, member_id=scene.reporter.id, real_name="欧阳小明", area=scene.county.grid)
    path = f"/api/v1/members/{scene.reporter.id}/reveal"
    first = [await scene.client.post(path, json=WHY, headers=admin.headers) for _ in range(19)]
    assert {answer.status_code for answer in first} == {200}
    assert [(await ask(scene, admin, report_id))[0] for _ in range(2)] == [200, 429]
