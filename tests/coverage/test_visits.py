"""Visits: who writes one down and for which days, who reads what of it, and the sums that rank nobody."""

from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from app import clock
from app.coverage.models import Assignment, Cover, Duty, Visit
from app.members import service as members_service
from tests.coverage.conftest import ENTERPRISE, ORGANISATION, make_firm

TODAY = clock.today()
BOTH = [ORGANISATION, ENTERPRISE]
NOTE = "负责人愿意联合组建"


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


@pytest.fixture
async def helper(people, session, scene):
    person = await people.member()
    await members_service.set_profile(session, member_id=person.id, real_name="李联络", occupation=None, area=scene.county.root)
    return person


def assignment(scene, kind: str, person, role: Duty = Duty.LIAISON, since: int = 0, until: int | None = None) -> Assignment:
    at = {"organisation_id": scene.branch.id} if kind == ORGANISATION else {"enterprise_id": scene.firm.id}
    return Assignment(role=role, account_id=person.id, since=ago(since), until=None if until is None else ago(until), **at)


@pytest.mark.parametrize("kind", BOTH)
async def test_a_visit_is_written_down_and_read(client, session, scene, helper, kind: str) -> None:
    session.add(assignment(scene, kind, helper))
    await session.flush()
    url = scene.url(kind, "visits")
    answer = await client.post(url, json={"note": NOTE, "topics": ["policy", "setting_up", "policy"]}, headers=helper.headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {
        "id": made["id"], "on": TODAY.isoformat(), "note": NOTE, "topics": ["setting_up", "policy"], "by": "李联络",
        "created_at": made["created_at"],
    }
    assert (await client.get(url, headers=helper.headers)).json()["items"] == [made]
    stored = await session.exec(sa.select(Visit))
    assert NOTE.encode() not in stored.scalars().one().note_sealed
    for wrong in ({}, {"note": " "}, {"note": NOTE, "on": ago(-1).isoformat()}, {"note": NOTE, "topics": ["gossip"]}, {"note": "长" * 501}):
        assert (await client.post(url, json=wrong, headers=helper.headers)).status_code == 422, wrong


@pytest.mark.parametrize("kind", BOTH)
async def test_only_of_days_on_which_one_was_assigned(client, session, scene, helper, kind: str) -> None:
    """From the first to the last day, both included; later too, but for what was ended by command."""
    row = assignment(scene, kind, helper, since=10, until=2)
    session.add(row)
    await session.flush()
    url = scene.url(kind, "visits")

    async def write(days: int) -> int:
        return (await client.post(url, json={"note": NOTE, "on": ago(days).isoformat()}, headers=helper.headers)).status_code

    assert {days: await write(days) for days in (11, 10, 5, 2, 1, 0)} == {11: 403, 10: 201, 5: 201, 2: 201, 1: 403, 0: 403}
    assert (await client.get(url, headers=helper.headers)).status_code == 404, "it is over: nothing more to read"
    row.until, row.ended_at = TODAY, clock.now()
    session.add(row)
    await session.flush()
    assert {days: await write(days) for days in (5, 0)} == {5: 403, 0: 403}, "ended at once"
    assert (await client.get(url, headers=helper.headers)).status_code == 404


async def test_an_organisations_instructor_visits_what_it_covers(client, session, people, scene, helper) -> None:
    liaison = await people.member()
    beyond = await make_firm(session, scene.county.community, scene.county.root, 2)
    session.add_all(
        [
            assignment(scene, ORGANISATION, helper, Duty.INSTRUCTOR), assignment(scene, ORGANISATION, liaison),
            Cover(organisation_id=scene.branch.id, enterprise_id=scene.firm.id, since=TODAY),
        ]
    )
    await session.flush()
    url = scene.url(ENTERPRISE, "visits")
    assert (await client.post(url, json={"note": NOTE}, headers=helper.headers)).status_code == 201
    assert (await client.post(url, json={"note": NOTE}, headers=liaison.headers)).status_code == 403
    assert (await client.post(f"/api/v1/enterprises/{beyond.id}/visits", json={"note": NOTE}, headers=helper.headers)).status_code == 403


# What each reads: everything, the bare days, nothing (404); of an organisation, of an enterprise.
ALL, DAYS, NOTHING = "all", "days", "nothing"
READERS = {
    "county_admin": (ALL, ALL), "community_admin": (ALL, ALL), "other_admin": (NOTHING, NOTHING), "reviewer": (NOTHING, NOTHING),
    "auditor": (NOTHING, NOTHING), "platform": (NOTHING, NOTHING), "secretary": (ALL, NOTHING), "contact": (NOTHING, DAYS),
    "rider": (NOTHING, NOTHING), "nobody": (None, None),
}


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("who", READERS)
async def test_who_reads_and_writes(client, session, people, scene, helper, who: str, kind: str) -> None:
    session.add(assignment(scene, kind, helper))
    await session.flush()
    url = scene.url(kind, "visits")
    assert (await client.post(url, json={"note": NOTE, "topics": ["demands"]}, headers=helper.headers)).status_code == 201
    person = await scene.person(people, who, kind)
    headers = person.headers if person else {}
    answer = await client.get(url, headers=headers)
    reads = READERS[who][kind == ENTERPRISE]
    if reads in (ALL, DAYS):
        [item] = answer.json()["items"]
        assert item["on"] == TODAY.isoformat()
        shown = (item["note"], item["by"], item["topics"])
        assert shown == ((NOTE, "李联络", ["demands"]) if reads == ALL else (None, None, []))
    else:
        assert answer.status_code == (401 if who == "nobody" else 404) and NOTE not in answer.text
    written = await client.post(url, json={"note": NOTE}, headers=headers)
    assert written.status_code == (401 if who == "nobody" else 403), "only those who are assigned"


async def test_the_sums_tell_about_places_and_nobody(client, session, people, scene, helper) -> None:
    beyond = await make_firm(session, scene.county.other_community, scene.county.root, 2)
    never = await make_firm(session, scene.county.grid, scene.county.root, 3)
    closed = await make_firm(session, scene.county.grid, scene.county.root, 4, listed_on=ago(200), closed_on=ago(100))
    for firm in (scene.firm, beyond, never):
        firm.listed_on = ago(200)
    rows = [(scene.firm, 0, ["policy", "demands"]), (scene.firm, 3, []), (beyond, 90, ["policy"]), (beyond, 120, []), (closed, 150, [])]
    session.add_all(
        [Visit(account_id=helper.id, enterprise_id=firm.id, visited_on=ago(days), topics=topics) for firm, days, topics in rows]
        + [Visit(account_id=helper.id, organisation_id=scene.branch.id, visited_on=ago(1), topics=["policy"])]
    )
    await session.flush()

    async def sums(area, first: int, last: int) -> dict:
        query = {"area_id": str(area.id), "from": ago(first).isoformat(), "to": ago(last).isoformat()}
        answer = await client.get("/api/v1/coverage/visits", params=query, headers=scene.admin.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    quiet = [{"id": str(never.id), "name": "企业3", "last_visit_on": None}, {"id": str(beyond.id), "name": "企业2",
                                                                         "last_visit_on": ago(90).isoformat()}]
    got = await sums(scene.county.root, 3, 0)
    assert got == {
        "area": {"id": str(scene.county.root.id), "name": "测试县"}, "from": ago(3).isoformat(), "to": TODAY.isoformat(), "visits": 3,
        "organisations_visited": 1, "enterprises_visited": 1, "quiet_count": 2, "quiet": quiet,
        "by_topic": [{"topic": "demands", "visits": 1}, {"topic": "policy", "visits": 2}],
    }
    assert (await sums(scene.county.root, 150, 0))["visits"] == 6
    assert (await sums(scene.county.other_community, 150, 0))["visits"] == 2
    assert (await sums(scene.county.root, 2, 1))["quiet_count"] == 1, "yesterday the last visit was 89 days ago"
    text = str(got)
    assert str(helper.id) not in text and "李联络" not in text, "never who made how many"
