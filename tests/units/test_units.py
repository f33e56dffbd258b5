"""Units and who belongs to them: who reads, who changes, what is refused."""

import sqlalchemy as sa

from app.auth.roles import Role, ScopeType
from app.db.base import new_id
from app.units import queries, service
from app.units.models import UnitMember
from tests.units.conftest import Office


async def test_an_administrator_keeps_units(office: Office) -> None:
    made = await office.unit(phone="0537-3412345")
    assert made == {
        "id": made["id"], "name": "综合执法队", "kind": "street_office", "phone": "0537-3412345", "members": 0, "active": True,
        "version": 1, "area": {"id": str(office.county.street.id), "name": "测试街道"}, "allowed": ["update"],
    }
    path = f"/units/{made['id']}"
    changed = await office.done(office.admin, "PATCH", path, {"name": "城管中队", "phone": None}, **{"If-Match": '"1"'})
    assert (changed["name"], changed["phone"], changed["version"], changed["kind"]) == ("城管中队", None, 2, "street_office")
    late = await office.send(office.admin, "PATCH", path, {"active": False}, **{"If-Match": '"1"'})
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (412, "version_mismatch", 2)
    assert await office.refused(office.admin, "PATCH", path, {"name": None}) == (422, "validation_error")
    assert await office.done(office.admin, "GET", path) == changed


async def test_names_are_unique_among_the_units_in_use_of_an_area(office: Office) -> None:
    first = await office.unit()
    body = {"name": "综合执法队", "kind": "department", "area_id": str(office.county.street.id)}
    assert await office.refused(office.admin, "POST", "/units", body) == (409, "already_exists")
    await office.unit(area_id=office.county.community.id)
    await office.done(office.admin, "PATCH", f"/units/{first['id']}", {"active": False})
    again = await office.unit()
    assert await office.refused(office.admin, "PATCH", f"/units/{first['id']}", {"active": True}) == (409, "already_exists")
    listed = await office.done(office.admin, "GET", f"/units?active=true&area_id={office.county.street.id}")
    assert again["id"] in [one["id"] for one in listed["items"]] and first["id"] not in [one["id"] for one in listed["items"]]


async def test_staff_read_what_lies_in_their_areas_or_answers_for_them(office: Office) -> None:
    county, people = office.county, office.people
    above, here, there = [
        (await office.unit(area_id=area.id))["id"] for area in (county.root, county.community, county.other_community)
    ]
    seen = [one["id"] for one in (await office.done(office.reviewer, "GET", "/units"))["items"]]
    assert seen == [here, above], "newest first"
    assert (await office.done(office.reviewer, "GET", f"/units/{above}"))["allowed"] == []
    assert await office.refused(office.reviewer, "GET", f"/units/{there}") == (404, "not_found")
    assert await office.refused(office.reviewer, "PATCH", f"/units/{above}", {"active": False}) == (403, "forbidden")
    assert await office.refused(office.reviewer, "PATCH", f"/units/{there}", {"active": False}) == (404, "not_found")
    lower = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.community.id)])
    assert await office.refused(lower, "PATCH", f"/units/{above}", {"active": False}) == (403, "forbidden")
    assert (await office.done(lower, "PATCH", f"/units/{here}", {"active": False}))["active"] is False
    body = {"name": "x", "kind": "company", "area_id": str(county.street.id)}
    assert await office.refused(lower, "POST", "/units", body) == (403, "forbidden")
    assert await office.refused(office.admin, "POST", "/units", body | {"area_id": str(new_id())}) == (404, "not_found")


async def test_others_find_nothing(office: Office) -> None:
    unit = (await office.unit())["id"]
    for other in await office.outsiders():
        assert await office.refused(other, "GET", "/units") == (403, "forbidden")
        for path in (f"/units/{unit}", f"/units/{unit}/members"):
            assert await office.refused(other, "GET", path) == (404, "not_found")
        assert await office.refused(other, "PATCH", f"/units/{unit}", {"active": False}) == (404, "not_found")
        assert await office.refused(other, "POST", f"/units/{unit}/members", {"account_id": str(other.id)}) == (404, "not_found")
    assert (await office.client.get("/api/v1/units")).status_code == 401


async def test_grid_workers_join_and_leave(office: Office) -> None:
    path = f"/units/{(await office.unit())['id']}/members"
    body = {"account_id": str(office.worker.id)}
    member = await office.done(office.admin, "POST", path, body)
    assert (member["account_id"], member["until"], member["allowed"]) == (str(office.worker.id), None, ["end"])
    assert await office.refused(office.admin, "POST", path, body) == (409, "already_exists")
    second = f"/units/{(await office.unit('二队'))['id']}/members"
    assert await office.refused(office.admin, "POST", second, body) == (409, "already_exists"), "nobody belongs to two units"
    assert (await office.done(office.reviewer, "GET", path))["items"] == [member | {"allowed": []}]
    assert await office.refused(office.reviewer, "DELETE", f"{path}/{member['id']}") == (403, "forbidden")
    assert await office.refused(office.admin, "DELETE", f"{second}/{member['id']}") == (404, "not_found")
    await office.done(office.admin, "DELETE", f"{path}/{member['id']}")
    assert await office.refused(office.admin, "DELETE", f"{path}/{member['id']}") == (404, "not_found"), "gone already"
    assert (await office.done(office.admin, "GET", path))["items"] == []
    [past] = (await office.done(office.admin, "GET", f"{path}?past=true"))["items"]
    assert past["until"] is not None and past["allowed"] == []
    await office.done(office.admin, "POST", second, body)


async def test_only_grid_workers_of_the_place_are_taken(office: Office) -> None:
    county, people = office.county, office.people
    path = f"/units/{(await office.unit(area_id=county.community.id))['id']}/members"

    async def told(person_id: object) -> tuple[int, str]:
        return await office.refused(office.admin, "POST", path, {"account_id": str(person_id)})

    elsewhere = await people.member(grants=[(Role.GRID_WORKER, ScopeType.AREA, county.other_grid.id)])
    for person_id in (elsewhere.id, office.reviewer.id, new_id()):
        assert await told(person_id) == (422, "validation_error")
    above = await people.member(grants=[(Role.GRID_WORKER, ScopeType.AREA, county.street.id)])
    for person in (office.worker, above):
        await office.done(office.admin, "POST", path, {"account_id": str(person.id)})


async def test_an_erasure_ends_the_membership_and_the_copy_tells_it(office: Office) -> None:
    session = office.people.session
    unit = await office.unit()
    await office.done(office.admin, "POST", f"/units/{unit['id']}/members", {"account_id": str(office.worker.id)})
    [copied] = (await queries.export(session, member_id=office.worker.id))["units"]
    assert (copied["unit"], copied["until"]) == ("综合执法队", None)
    await service.forget(session, member_id=office.worker.id)
    open_rows = sa.select(sa.func.count()).select_from(UnitMember).where(queries.NOW_IN)
    assert (await session.exec(open_rows)).scalar_one() == 0
    assert await queries.of_worker(session, account_id=office.worker.id) is None
