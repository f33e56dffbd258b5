"""Awards that people decide take two of them; whose report it was stays hidden, and so does who took part in branch life."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from app import clock
from app.audit.models import AuditEvent
from app.members import service as members_service
from app.points import queries_merits, service
from app.registrations.models import Status as Registered
from tests.points.awarding import API, Loop
from tests.points.test_ledger import expect_balanced
from tests.support.people import Person
from tests.support.registering import branch, other_branch, put

__all__ = ["branch", "other_branch", "put"]


@pytest.fixture
async def neighbour(people, county) -> Person:
    """A member who lives in the community."""
    rider = await people.member()
    await members_service.set_profile(people.session, member_id=rider.id, area=county.community)
    return rider


async def accepted(loop: Loop) -> str:
    made = await loop.files()
    await loop.scene.give(loop.reviewers[0], made["id"], "accept", {"note": "属实"})
    return str(made["id"])


async def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_a_reviewer_asks_and_an_administrator_grants(session, loop: Loop) -> None:
    report_id = await accepted(loop)
    made = await loop.asked(loop.reviewers[0], report_id=report_id, rule_code="MAJOR_LEAD")
    assert (made.status_code, made.json()["status"], made.json()["points"]) == (201, "pending", 100)
    assert await loop.scene.points(loop.rider) == 10
    path = f"/awards/{made.json()['id']}"
    for who, allowed in ((loop.reviewers[0], []), (loop.local, []), (loop.admins[0], ["approve", "reject"])):
        (shown,) = await loop.items(who, "/awards?status=pending")
        assert (shown["member_id"], shown["report"]["id"], shown["allowed"]) == (None, report_id, allowed)
        assert str(loop.rider.id) not in str(shown), "the award is for the reporter, whoever that is"
    assert await loop.refused(loop.local, f"{path}/approve") == (403, "forbidden"), "a department decides, from the street up"
    for stranger in (loop.elsewhere, loop.rider, loop.scene.worker):
        assert await loop.refused(stranger, f"{path}/approve") == (404, "not_found")
    granted = await loop.does(loop.admins[0], f"{path}/approve")
    assert (granted["status"], granted["outcome"]["credited"], granted["allowed"]) == ("approved", 100, [])
    assert await loop.scene.points(loop.rider) == 110
    assert "积分变动：您的积分已增加 100 分" in await loop.told(loop.rider)
    assert await loop.refused(loop.admins[1], f"{path}/reject") == (409, "invalid_transition")
    await expect_balanced(session)


async def test_who_asks_does_not_grant(loop: Loop) -> None:
    report_id = await accepted(loop)
    made = await loop.asked(loop.admins[0], report_id=report_id, rule_code="MAJOR_LEAD")
    path = f"/awards/{made.json()['id']}"
    for verb in ("approve", "reject"):
        assert await loop.refused(loop.admins[0], f"{path}/{verb}") == (403, "forbidden")
    assert (await loop.does(loop.admins[1], f"{path}/reject"))["status"] == "rejected"
    assert await loop.scene.points(loop.rider) == 10


async def test_a_report_is_a_major_lead_once(loop: Loop) -> None:
    report_id = await accepted(loop)
    asked = {"report_id": report_id, "rule_code": "MAJOR_LEAD"}
    first = await loop.asked(loop.reviewers[0], **asked)
    assert await code(await loop.asked(loop.reviewers[1], **asked)) == (409, "already_exists")
    await loop.does(loop.admins[0], f"/awards/{first.json()['id']}/reject")
    await loop.granted(**asked)
    assert await code(await loop.asked(loop.reviewers[1], **asked)) == (409, "already_exists")
    assert await loop.scene.points(loop.rider) == 110


async def test_what_the_report_must_have_been(loop: Loop) -> None:
    made = await loop.files()
    assert await code(await loop.asked(loop.reviewers[0], report_id=made["id"], rule_code="MAJOR_LEAD")) == (409, "conflict")
    assert await code(await loop.asked(loop.reviewers[0], report_id=made["id"], rule_code="FALSE_REPORT")) == (409, "conflict")
    assert await code(await loop.asked(loop.elsewhere, report_id=made["id"], rule_code="MAJOR_LEAD")) == (404, "not_found")
    assert await code(await loop.asked(loop.rider, report_id=await accepted(loop), rule_code="MAJOR_LEAD")) == (403, "forbidden")


async def test_nobody_asks_or_grants_for_themselves(session, loop: Loop, county) -> None:
    admin = loop.admins[1]
    await members_service.set_profile(session, member_id=admin.id, area=county.community)
    rescue = {"member_id": str(admin.id), "rule_code": "RESCUE", "points": 200}
    assert await code(await loop.asked(admin, **rescue)) == (403, "forbidden")
    made = await loop.asked(loop.admins[0], **rescue)
    (shown,) = await loop.items(admin, "/awards")
    assert shown["allowed"] == []
    assert await loop.refused(admin, f"/awards/{made.json()['id']}/approve") == (403, "forbidden")


@pytest.mark.parametrize("points", [None, 199, 501, -300])
async def test_a_rescue_has_a_range(loop: Loop, neighbour: Person, points: int | None) -> None:
    told = {} if points is None else {"points": points}
    answer = await loop.asked(loop.admins[0], member_id=str(neighbour.id), rule_code="RESCUE", **told)
    assert await code(answer) == (422, "validation_error")


async def test_a_rescue_is_verified_by_the_street_and_capped_by_the_day(session, loop: Loop, neighbour: Person) -> None:
    """300 on a day that has room for 200: credited in part, and told so."""
    made = await loop.asked(loop.local, member_id=str(neighbour.id), rule_code="RESCUE", points=300)
    assert (made.status_code, made.json()["member_id"]) == (201, str(neighbour.id))
    granted = await loop.does(loop.admins[0], f"/awards/{made.json()['id']}/approve")
    outcome = granted["outcome"]
    assert (outcome["credited"], outcome["withheld"], outcome["code"]) == (200, 100, "global_day_cap")
    assert "200" in outcome["reason"]
    assert await loop.scene.points(neighbour) == 200
    (mine,) = await loop.items(neighbour, "/me/awards")
    assert (mine["status"], mine["credited"], mine["withheld"], mine["source"]["type"]) == ("capped", 200, 100, "points_award")
    await expect_balanced(session)


async def test_two_suggestions_a_month_by_the_day_they_were_made(session, loop: Loop, neighbour: Person) -> None:
    """The month that counts is that of the idea, not of the decision."""
    last_month = clock.today().replace(day=1) - timedelta(days=1)
    days = [last_month - timedelta(days=back) for back in (0, 1, 2)]
    given = [
        (await loop.granted(member_id=str(neighbour.id), rule_code="SUGGESTION_ADOPTED", occurred_on=day.isoformat()))["outcome"]
        for day in days
    ]
    assert [outcome["credited"] for outcome in given] == [100, 100, 0] and given[2]["code"] == "month_cap"
    today = await loop.granted(member_id=str(neighbour.id), rule_code="SUGGESTION_ADOPTED")
    assert today["outcome"]["credited"] == 100 and today["occurred_on"] == clock.today().isoformat()
    assert await loop.scene.points(neighbour) == 300
    await expect_balanced(session)


@pytest.mark.parametrize("told", [
    {"rule_code": "REPORT_ACCEPTED"}, {"rule_code": "NO_SUCH_RULE"}, {"rule_code": "MAJOR_LEAD"},
    {"rule_code": "RESCUE", "points": 200, "report_id": True},
    {"rule_code": "SUGGESTION_ADOPTED", "points": 99}, {"rule_code": "SUGGESTION_ADOPTED", "occurred_on": "2099-01-01"},
    {"rule_code": "SUGGESTION_ADOPTED", "occurred_on": "2020-01-01"}, {"rule_code": "SUGGESTION_ADOPTED", "member_id": None},
])
async def test_what_cannot_be_asked_for(loop: Loop, neighbour: Person, told: dict[str, Any]) -> None:
    body = {"member_id": str(neighbour.id)} | told
    if body.get("report_id"):
        body["report_id"] = await accepted(loop)
    assert await code(await loop.asked(loop.admins[0], **body)) == (422, "validation_error")


async def test_members_of_other_places_are_not_there(loop: Loop, neighbour: Person, county) -> None:
    await members_service.set_profile(loop.scene.session, member_id=neighbour.id, area=county.other_community)
    asked = {"member_id": str(neighbour.id), "rule_code": "SUGGESTION_ADOPTED"}
    assert await code(await loop.asked(loop.local, **asked)) == (404, "not_found")
    assert await code(await loop.asked(loop.rider, **asked)) == (404, "not_found")
    assert (await loop.asked(loop.admins[0], **asked)).status_code == 201


async def test_an_idempotency_key_asks_once(loop: Loop, neighbour: Person) -> None:
    body = {
        "member_id": str(neighbour.id), "rule_code": "SUGGESTION_ADOPTED", "reason": "充电柜选址建议被采纳",
        "upload_id": await loop.scene.photo(loop.admins[0]),
    }
    answers = [await loop.post(loop.admins[0], "/awards", body, **{"Idempotency-Key": "suggestion-0001"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json() and answers[1].headers["Idempotency-Replayed"] == "true"
    assert len(await loop.items(loop.admins[0], "/awards")) == 1


async def test_a_proof_is_seen_by_those_who_decide(session, loop: Loop) -> None:
    made = await loop.asked(loop.reviewers[0], report_id=await accepted(loop), rule_code="MAJOR_LEAD")
    for who, sees in ((loop.admins[1], True), (loop.reviewers[0], True), (loop.elsewhere, False), (loop.rider, False)):
        assert await queries_merits.may_see_proof(session, who.principal, made.json()["id"]) is sees


async def test_who_has_left_gets_nothing_more(session, loop: Loop, neighbour: Person) -> None:
    made = await loop.asked(loop.admins[0], member_id=str(neighbour.id), rule_code="SUGGESTION_ADOPTED")
    await session.exec(sa.text("update account set status = 'erased' where id = :id"), params={"id": neighbour.id})
    assert await loop.refused(loop.admins[1], f"/awards/{made.json()['id']}/approve") == (409, "conflict")


async def test_branch_life_is_known_to_the_branch_alone(session, loop: Loop, people, branch, other_branch, put) -> None:
    """Neither administrators nor other branches see who took part, nor does the trail of the area say it."""
    member = await people.member()
    await put(member, branch, Registered.APPROVED)
    asked = {"member_id": str(member.id), "rule_code": "PARTY_ACTIVITY"}
    for stranger in (other_branch.secretary, loop.admins[0], loop.reviewers[0]):
        assert await code(await loop.asked(stranger, **asked)) == (404, "not_found")
    assert await code(await loop.asked(branch.instructor, **asked)) == (403, "forbidden")
    made = await loop.asked(branch.secretary, **asked)
    assert (made.status_code, made.json()["points"]) == (201, 20), made.text
    path = f"/awards/{made.json()['id']}"
    for stranger in (other_branch.secretary, loop.admins[0], loop.reviewers[0], member):
        assert await loop.items(stranger, "/awards") == []
        assert await loop.refused(stranger, f"{path}/approve") == (404, "not_found")
        assert not await queries_merits.may_see_proof(session, stranger.principal, made.json()["id"])
    assert (await loop.items(branch.instructor, "/awards"))[0]["allowed"] == ["approve", "reject"]
    await loop.does(branch.instructor, f"{path}/approve")
    assert await loop.scene.points(member) == 20
    said = await loop.told(member)
    assert said == ["积分变动：您的积分已增加 20 分"], "a glance at the phone tells nothing of the Party"
    about = col(AuditEvent.facts)["member_id"].as_string() == str(member.id)
    trail = await session.exec(sa.select(AuditEvent).where(about, col(AuditEvent.action).like("points.%")))
    events = trail.scalars().all()
    assert {event.action for event in events} == {"points.propose_award", "points.award", "points.approved_award"}
    assert {event.area_path for event in events} == {None}
    await expect_balanced(session)


async def test_only_who_was_taken_in_takes_part(loop: Loop, people, branch, put) -> None:
    member = await people.member()
    await put(member, branch, Registered.PENDING)
    asked = {"member_id": str(member.id), "rule_code": "PARTY_ACTIVITY"}
    assert await code(await loop.asked(branch.secretary, **asked)) == (404, "not_found")


async def test_what_was_written_goes_with_the_person(session, loop: Loop, neighbour: Person) -> None:
    await loop.asked(loop.admins[0], member_id=str(neighbour.id), rule_code="SUGGESTION_ADOPTED", reason="雀金丝的建议")
    await service.forget(session, member_id=neighbour.id)
    (shown,) = await loop.items(loop.admins[0], "/awards")
    assert shown["reason"] is None


async def test_an_own_list_of_judgements_goes_by_pages(loop: Loop, earn: Any) -> None:
    """Newest first, each once, whatever the page's length; credited and capped beside each other."""
    for _ in range(7):
        await earn(loop.rider.id)
    whole = await loop.items(loop.rider, "/me/awards?limit=100")
    assert [one["status"] for one in whole] == ["capped"] * 2 + ["credited"] * 5
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        page = await loop.get(loop.rider, f"/me/awards?limit=3{cursor and f'&cursor={cursor}'}")
        found, cursor = found + [one["id"] for one in page["items"]], page["next_cursor"]
    assert found == [one["id"] for one in whole]
    assert whole[0]["title"] == "上报已受理" and "5" in whole[0]["reason"] and whole[-1]["reason"] is None
    assert (await loop.scene.client.get(f"{API}/me/awards")).status_code == 401
