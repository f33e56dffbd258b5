"""正在审核: what a claim tells, what it does not hold up, and when it is over."""

import json
from datetime import timedelta
from uuid import UUID

import httpx
import sqlalchemy as sa
from sqlmodel import col

from app.auth.roles import Role
from app.members import service as members_service
from app.reports import queries, queries_claims, service
from app.reports.models import ReportClaim
from tests.reports.scene import Scene, on
from tests.support.people import Person


async def claim(scene: Scene, person: Person, report_id: str, method: str = "PUT") -> httpx.Response:
    return await scene.client.request(method, f"/api/v1/reports/{report_id}/claim", headers=person.headers)


async def colleague_of(scene: Scene) -> Person:
    return await scene.people.member(grants=[on(Role.REVIEWER, scene.county.street.id)])


async def held(scene: Scene, report_id: str) -> str | None:
    shown = (await scene.get(scene.reviewer, f"/{report_id}"))["claim"]
    return shown and str(shown["by"]["id"])


async def test_it_tells_colleagues_for_half_an_hour(scene: Scene) -> None:
    await members_service.set_profile(scene.session, member_id=scene.reviewer.id, real_name="张审核")
    report_id, colleague = (await scene.file())["id"], await colleague_of(scene)
    first = await claim(scene, scene.reviewer, report_id)
    assert first.status_code == 200 and first.json()["mine"] is True and first.json()["by"]["name"] == "张审核"
    again = await claim(scene, scene.reviewer, report_id)
    assert again.json()["until"] > first.json()["until"], "one's own is prolonged"
    late = await claim(scene, colleague, report_id)
    problem = late.json()
    assert (late.status_code, problem["code"], problem["detail"]) == (409, "conflict", "张审核正在审核")
    assert problem["claimed_by"] == {"id": str(scene.reviewer.id), "name": "张审核"} and problem["until"] == again.json()["until"]
    left = await scene.session.exec(sa.select(col(ReportClaim.until) - queries.CLOCK))
    assert timedelta(minutes=29) < left.scalar_one() <= timedelta(minutes=30)
    assert (await claim(scene, colleague, report_id, "DELETE")).status_code == 204
    assert await held(scene, report_id) == str(scene.reviewer.id), "nobody takes another's away"
    assert (await claim(scene, scene.reviewer, report_id, "DELETE")).status_code == 204
    assert (await claim(scene, colleague, report_id)).status_code == 200


async def test_one_that_has_run_out_is_nobodys(scene: Scene) -> None:
    report_id, colleague = (await scene.file())["id"], await colleague_of(scene)
    await claim(scene, scene.reviewer, report_id)
    await scene.session.exec(sa.update(ReportClaim).values(until=queries.CLOCK))
    assert await held(scene, report_id) is None
    assert (await claim(scene, colleague, report_id)).status_code == 200 and await held(scene, report_id) == str(colleague.id)


async def test_it_never_holds_up_a_command(scene: Scene) -> None:
    report_id, colleague = (await scene.file())["id"], await colleague_of(scene)
    await claim(scene, scene.reviewer, report_id)
    await scene.give(scene.reviewer, report_id, "accept", {})
    assert await held(scene, report_id) == str(scene.reviewer.id), "one's own command goes on with it"
    await scene.give(colleague, report_id, "dispatch", {"assignee_account_id": str(scene.worker.id)})
    assert await held(scene, report_id) is None, "a command of another ends it"
    await claim(scene, scene.reviewer, report_id)
    rejected = (await scene.file())["id"]
    await claim(scene, scene.reviewer, rejected)
    await scene.give(scene.reviewer, rejected, "reject", {"reason_code": "not_a_problem", "note": "x"})
    assert await held(scene, rejected) is None, "what has ended is claimed by nobody"
    answer = await claim(scene, scene.reviewer, rejected)
    assert (answer.status_code, answer.json()["code"]) == (409, "invalid_transition")


async def test_whoever_answers_for_it_next_finds_it_free(scene: Scene) -> None:
    report_id, colleague = (await scene.file())["id"], await colleague_of(scene)
    await claim(scene, colleague, report_id)
    await scene.give(colleague, report_id, "transfer", {"area_id": str(scene.county.other_community.id), "reason": "不在本社区"})
    assert await queries_claims.live(scene.session, [UUID(report_id)]) == {}


async def test_it_is_the_reviewers_alone(scene: Scene) -> None:
    own = (await scene.file(scene.reviewer))["id"]
    report_id = (await scene.file())["id"]
    admin = await scene.people.member(grants=[on(Role.AREA_ADMIN, scene.county.root.id)])
    refusals = [
        (scene.reporter, report_id, 403), (scene.worker, report_id, 403), (admin, report_id, 403), (scene.reviewer, own, 403),
        (await scene.people.member(), report_id, 404),
        (await scene.people.member(grants=[on(Role.REVIEWER, scene.county.other_community.id)]), report_id, 404),
    ]
    for person, which, status in refusals:
        for method in ("PUT", "DELETE"):
            assert (await claim(scene, person, which, method)).status_code == status
    await claim(scene, scene.reviewer, report_id)
    assert (await scene.get(admin, f"/{report_id}"))["claim"]["by"]["id"] == str(scene.reviewer.id)
    for person in (scene.reporter, scene.worker):
        shown = await scene.get(person, f"/{report_id}")
        assert shown["claim"] is None and str(scene.reviewer.id) not in json.dumps(shown)


async def test_an_erasure_leaves_none(scene: Scene) -> None:
    report_id = (await scene.file())["id"]
    await claim(scene, scene.reviewer, report_id)
    assert [one["until"] for one in (await queries.export(scene.session, member_id=scene.reviewer.id))["report_claims"]]
    await service.forget(scene.session, member_id=scene.reviewer.id)
    assert (await scene.session.exec(sa.select(sa.func.count()).select_from(ReportClaim))).scalar_one() == 0
