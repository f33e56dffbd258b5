"""The register of community WeChat groups: kept by staff, read by the members of the community, counted by area."""

import sqlalchemy as sa
from sqlmodel import col

from app.auth.roles import Role, ScopeType
from app.groups import queries, service
from app.groups.models import GroupChat
from app.members import service as members_service
from tests.complaints.test_complaints import photo

API = "/api/v1/groups"


async def enter(client, who, area, status: int = 201, **more):
    told = {"area_id": str(area.id), "name": "骑手之家", "how_to_join": "到驿站扫码", "people": 126}
    answer = await client.post(API, json=told | more, headers=who.headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def names(client, who, path: str = "", **asked) -> list[str]:
    page = await client.get(API + path, headers=who.headers, params=asked)
    assert page.status_code == 200, page.text
    return [one["name"] for one in page.json()["items"]]


async def test_staff_keep_it_and_members_read_that_of_their_community(client, people, county, session) -> None:
    reviewer = await people.member(grants=[(Role.REVIEWER, ScopeType.AREA, county.community.id)])
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    sent = await client.post("/api/v1/uploads", files={"file": ("photo.jpg", photo(), "image/jpeg")}, headers=reviewer.headers)
    code = sent.json()["id"]
    made = await enter(client, reviewer, county.community, note="周五清点", keeper_id=str(reviewer.id), upload_ids=[code])
    assert (made["people"], made["allowed"], len(made["photos"])) == (126, ["update"], 1)
    await enter(client, admin, county.other_community, name="邻家")
    twin = await enter(client, admin, county.community, 409)
    assert twin["code"] == "already_exists"
    await enter(client, reviewer, county.other_community, 403)
    await enter(client, admin, county.street, 422)
    await enter(client, admin, county.community, 422, people=501, name="超员")
    await enter(client, admin, county.community, 422, keeper_id=str(county.root.id), name="无主")
    await enter(client, admin, county.community, 422, checked_on="2199-01-01", name="将来")
    rider = await people.member()
    await members_service.set_profile(session, member_id=rider.id, area=county.grid)
    [seen] = (await client.get(API, headers=rider.headers)).json()["items"]
    assert (seen["name"], seen["how_to_join"], seen["people"], seen["note"], seen["keeper_id"], seen["allowed"], seen["photos"]) == (
        "骑手之家", "到驿站扫码", None, None, None, [], [],
    )
    assert (await client.get(f"/api/v1/uploads/{code}", headers=rider.headers)).status_code == 404, "until the content check has passed it"
    await session.exec(sa.text("update upload set checked = 'pass'"))
    assert (await client.get(f"/api/v1/uploads/{code}", headers=rider.headers)).status_code == 200
    neighbour = await people.member()
    await members_service.set_profile(session, member_id=neighbour.id, area=county.other_grid)
    path = f"{API}/{made['id']}"
    assert (await client.get(f"/api/v1/uploads/{code}", headers=neighbour.headers)).status_code == 404
    assert [(await client.get(path, headers=who.headers)).status_code for who in (rider, neighbour)] == [200, 404]
    assert [(await client.patch(path, json={"people": 1}, headers=who.headers)).status_code for who in (rider, neighbour)] == [403, 404]
    assert await names(client, neighbour) == ["邻家"] and await names(client, await people.member()) == [] == await names(client, admin)
    assert await names(client, reviewer, "/managed") == ["骑手之家"] and await names(client, rider, "/managed") == []
    assert await names(client, admin, "/managed") == ["邻家", "骑手之家"]
    assert await names(client, admin, "/managed", area_id=str(county.community.id)) == ["骑手之家"]


async def test_a_change_and_the_figures(client, people, county, session) -> None:
    admin = await people.member(grants=[(Role.AREA_ADMIN, ScopeType.AREA, county.root.id)])
    one = await enter(client, admin, county.community, checked_on="2026-01-01", keeper_id=str(admin.id))
    other = await enter(client, admin, county.other_community, name="邻家", people=74)
    second = await enter(client, admin, county.community, name="二群", people=10)
    stale = await client.patch(f"{API}/{one['id']}", json={"people": 1}, headers=admin.headers | {"If-Match": '"3"'})
    assert stale.status_code == 412
    taken = await client.patch(f"{API}/{second['id']}", json={"name": "骑手之家"}, headers=admin.headers)
    assert taken.status_code == 409
    counted = (await client.patch(f"{API}/{one['id']}", json={"people": 130}, headers=admin.headers)).json()
    assert (counted["people"], counted["version"]) == (130, 2) and counted["checked_on"] > "2026-01-01"
    idle = await client.patch(f"{API}/{second['id']}", json={"active": False, "note": None}, headers=admin.headers)
    assert (idle.status_code, idle.json()["active"]) == (200, False)
    assert await names(client, admin, "/managed", active="false") == ["二群"]

    async def figures(area):
        answer = await client.get(f"{API}/figures", headers=admin.headers, params={"area_id": str(area.id)})
        assert answer.status_code == 200, answer.text
        rows = [answer.json()["total"], *answer.json()["items"]]
        return [(row["area"]["name"], row["groups"], row["people"]) for row in rows]

    assert await figures(county.street) == [("测试街道", 2, 204), ("东风社区", 1, 130), ("建设社区", 1, 74)]
    assert await figures(county.root) == [("测试县", 2, 204), ("测试街道", 2, 204)]
    nobody = await people.member()
    assert (await client.get(f"{API}/figures", headers=nobody.headers, params={"area_id": str(county.root.id)})).status_code == 404
    assert await queries.export(session, member_id=admin.id) == {"groups_kept": ["骑手之家"]}
    await service.forget(session, member_id=admin.id)
    kept = await session.exec(sa.select(col(GroupChat.keeper_id)).where(col(GroupChat.name) == "骑手之家"))
    assert kept.scalar_one() is None and other["keeper_id"] is None
