"""Work relations over HTTP: many at once, with dates; and who worked where on which day."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app import clock
from app.auth.roles import Role, ScopeType
from app.members import queries, service
from app.members.schemas import EmployerIn

URL = "/api/v1/members/me/work-relations"
TODAY = clock.today()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).isoformat()


@pytest.fixture
async def firms(client, people, county) -> list[dict[str, Any]]:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    made = []
    for number, name in enumerate(("美团兖州站", "饿了么兖州站")):
        told = {
            "name": name, "uscc": f"91370812MA3C4D5E{number:02d}", "kind": "platform", "area_id": str(county.root.id),
            "uscc_confirmed": True,
        }
        made.append((await client.post("/api/v1/enterprises", json=told, headers=admin.headers)).json())
    return made


async def begin(client, who, **told: Any) -> Any:
    return await client.post(URL, json=told, headers=who.headers)


async def end(client, who, relation: dict[str, Any], **told: Any) -> Any:
    return await client.post(f"{URL}/{relation['id']}/end", json=told, headers=who.headers)


async def test_several_platforms_at_once_and_none_twice(client, people, firms) -> None:
    rider = await people.member()
    first = await begin(client, rider, enterprise_id=firms[0]["id"], since=day(-400))
    assert first.status_code == 201, first.text
    assert first.json() == {
        "id": first.json()["id"], "enterprise": {"id": firms[0]["id"], "name": "美团兖州站"}, "name": None, "since": day(-400),
        "until": None, "source": "self", "allowed": ["end"],
    }
    assert (await begin(client, rider, enterprise_id=firms[1]["id"])).status_code == 201
    crowd = await begin(client, rider, name="闪送")
    assert (crowd.json()["enterprise"], crowd.json()["name"], crowd.json()["since"]) == (None, "闪送", None)
    for again in ({"enterprise_id": firms[0]["id"]}, {"name": "闪送", "since": day(0)}):
        refused = await begin(client, rider, **again)
        assert (refused.status_code, refused.json()["code"]) == (409, "already_exists")
    whole = (await client.get(URL, headers=rider.headers)).json()
    assert [item["name"] or item["enterprise"]["name"] for item in whole["items"]] == ["闪送", "饿了么兖州站", "美团兖州站"]
    page = (await client.get(f"{URL}?limit=2", headers=rider.headers)).json()
    rest = (await client.get(f"{URL}?limit=2&cursor={page['next_cursor']}", headers=rider.headers)).json()
    assert page["items"] + rest["items"] == whole["items"]


async def test_what_has_ended_is_still_told_and_can_begin_again(client, people, firms) -> None:
    rider = await people.member()
    made = (await begin(client, rider, enterprise_id=firms[0]["id"], since=day(-10))).json()
    ended = await end(client, rider, made, until=day(-2))
    assert (ended.status_code, ended.json()["until"], ended.json()["allowed"]) == (200, day(-2), [])
    twice = await end(client, rider, made)
    assert (twice.status_code, twice.json()["code"], twice.json()["current_status"]) == (409, "invalid_transition", "ended")
    assert (await begin(client, rider, enterprise_id=firms[0]["id"], since=day(0))).status_code == 201
    assert [item["until"] for item in (await client.get(URL, headers=rider.headers)).json()["items"]] == [None, day(-2)]
    today = (await begin(client, rider, name="闪送")).json()
    assert (await end(client, rider, today)).json()["until"] == day(0)
    coming = (await begin(client, rider, name="顺丰", since=day(20))).json()
    assert (await end(client, rider, coming)).json()["until"] == day(20)  # what had not begun ends on its first day


@pytest.mark.parametrize(
    ("told", "loc"),
    [({"name": "闪送", "since": "1949-12-31"}, "since"), ({"name": "闪送", "since": day(32)}, "since"), ({}, None),
     ({"enterprise_id": str(uuid4())}, "enterprise_id"), ({"name": "两\n行"}, "name"), ({"name": "闪送", "until": day(0)}, "until")],
)
async def test_what_cannot_be_is_refused(client, people, told: dict[str, Any], loc: str | None) -> None:
    rider = await people.member()
    answer = await begin(client, rider, **told)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_error")
    assert loc is None or answer.json()["errors"][0]["loc"] == ["body", loc]
    for fine in (day(31), "1950-01-01"):
        assert (await begin(client, rider, name=f"单位{fine}", since=fine)).status_code == 201


async def test_a_last_day_lies_between_the_first_and_today(client, people) -> None:
    rider = await people.member()
    made = (await begin(client, rider, name="闪送", since=day(-5))).json()
    for bad in (day(-6), day(1)):
        answer = await end(client, rider, made, until=bad)
        assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, ["body", "until"])
    assert (await end(client, rider, made, until=day(-5))).status_code == 200


async def test_nobody_has_more_than_twenty(client, people) -> None:
    rider = await people.member()
    made = [(await begin(client, rider, name=f"单位{number}")).json() for number in range(20)]
    refused = await begin(client, rider, name="第二十一家")
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (409, "limit_reached", 20)
    await end(client, rider, made[3])
    assert (await begin(client, rider, name="第二十一家")).status_code == 201


async def test_others_relations_do_not_exist(client, people) -> None:
    rider, stranger, console = await people.member(), await people.member(), await people.console()
    made = (await begin(client, rider, name="闪送")).json()
    assert (await end(client, stranger, made)).status_code == 404
    assert (await client.get(URL, headers=stranger.headers)).json()["items"] == []
    assert (await begin(client, console, name="闪送")).status_code == 403
    assert (await client.get(URL)).status_code == 401
    silent = await people.member(consents=())
    refused = await begin(client, silent, name="闪送")
    assert (refused.status_code, refused.json()["code"]) == (403, "consent_required")


async def test_the_registration_tells_the_same_story(client, session, people, firms) -> None:
    """`set_employers` and the single commands write the same rows."""
    rider = await people.member()
    told = [EmployerIn(enterprise_id=UUID(firms[0]["id"])), EmployerIn(name="闪送", since=date(2026, 1, 1))]
    await service.set_employers(session, member_id=rider.id, employers=told)
    assert (await begin(client, rider, enterprise_id=firms[0]["id"])).status_code == 409
    assert (await begin(client, rider, enterprise_id=firms[1]["id"])).status_code == 201
    await service.set_employers(session, member_id=rider.id, employers=told[1:])
    seen = (await client.get(URL, headers=rider.headers)).json()["items"]
    assert [(item["name"], item["until"]) for item in seen] == [(None, day(0)), ("闪送", None), (None, day(0))]


@pytest.fixture
async def histories(session, people, firms) -> tuple[UUID, dict[str, UUID]]:
    """Who works for one enterprise since and until when."""
    enterprise_id = UUID(firms[0]["id"])
    ids = {}
    for name, since, until in (
        ("long", -400, None), ("ended", -400, -40), ("one day", -40, -40), ("soon", 10, None), ("untold", None, None), ("today", -3, 0),
    ):
        person = await people.member()
        first = None if since is None else TODAY + timedelta(days=since)
        made = await service.begin_work(session, member_id=person.id, told=EmployerIn(enterprise_id=enterprise_id, since=first))
        if until is not None:
            await service.end_work(session, member_id=person.id, relation_id=made.id, until=TODAY + timedelta(days=until))
        ids[name] = person.id
    return enterprise_id, ids


@pytest.mark.parametrize(
    ("first", "last", "names"),
    [(0, 0, {"long", "untold", "today"}), (-1, -1, {"long", "today"}), (-41, -41, {"long", "ended"}),
     (-40, -40, {"long", "ended", "one day"}), (-39, -4, {"long"}), (-60, -3, {"long", "ended", "one day", "today"}),
     (-500, -401, set()), (10, 10, {"long", "untold", "soon"})],
)
async def test_who_worked_there_then(session, histories, first: int, last: int, names: set[str]) -> None:
    enterprise_id, ids = histories
    span = {"first": TODAY + timedelta(days=first), "last": TODAY + timedelta(days=last)}
    found = await queries.employed_during(session, enterprise_id=enterprise_id, **span)
    assert found == sorted(ids[name] for name in names)
    if first == last:
        assert await queries.employed_by(session, enterprise_id=enterprise_id, on=span["first"]) == found
    if first == last == 0:
        assert await queries.employed_by(session, enterprise_id=enterprise_id) == found
