"""The inbox over HTTP, and the permissions to send copies of it."""

from uuid import uuid4

from app.messages import queries, service
from app.messages.models import Category

API = "/api/v1/messages"
TEMPLATE, OTHER = "xinxin_report_progress", "xinxin_system_notice"


async def send(session, member_id, title: str = "您上报的问题已受理", **more) -> None:
    await service.send(session, member_id=member_id, category="report", title=title, body="详情请在小程序中查看。", **more)


async def test_one_reads_ones_own_messages_newest_first(client, people, session) -> None:
    rider, other = await people.member(), await people.member()
    about = uuid4()
    await send(session, rider.id, "第一条")
    await send(session, rider.id, "第二条", path="pages/reports/detail", reference=("report", about, "R20261124-000001"))
    await send(session, other.id)
    listed = (await client.get(API, headers=rider.headers)).json()
    assert [row["title"] for row in listed["items"]] == ["第二条", "第一条"]
    newest, oldest = listed["items"]
    assert set(newest) == {"id", "category", "title", "body", "path", "reference", "read_at", "at"}
    assert newest["reference"] == {"type": "report", "id": str(about), "number": "R20261124-000001"} and oldest["reference"] is None
    first = (await client.get(API, headers=rider.headers, params={"limit": 1})).json()
    rest = (await client.get(API, headers=rider.headers, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [row["id"] for row in rest["items"]] == [oldest["id"]] and rest["next_cursor"] is None


async def test_reading_one_and_all(client, people, session) -> None:
    rider, other = await people.member(), await people.member()
    for _ in range(3):
        await send(session, rider.id)
    one = (await client.get(API, headers=rider.headers)).json()["items"][0]["id"]
    assert (await client.post(f"{API}/{one}/read", headers=other.headers)).status_code == 404
    read = await client.post(f"{API}/{one}/read", headers=rider.headers)
    again = await client.post(f"{API}/{one}/read", headers=rider.headers)
    assert read.json()["read_at"] is not None and again.json() == read.json()
    await service.send(session, member_id=rider.id, category="points", title="积分变动", body="详情请在小程序中查看。")
    counted = (await client.get(f"{API}/unread-count", headers=rider.headers)).json()
    assert counted == {"count": 3, "by_category": dict.fromkeys(Category, 0) | {"report": 2, "points": 1}}
    only = (await client.get(API, headers=rider.headers, params={"category": "points"})).json()["items"]
    assert [row["title"] for row in only] == ["积分变动"]
    assert (await client.post(f"{API}/{only[0]['id']}/read", headers=rider.headers)).status_code == 200
    for unread, count in ((True, 2), (False, 2), (None, 4)):
        params = {} if unread is None else {"unread": unread}
        assert len((await client.get(API, headers=rider.headers, params=params)).json()["items"]) == count
    assert (await client.post(f"{API}/read-all", headers=rider.headers)).status_code == 204
    assert (await client.get(f"{API}/unread-count", headers=rider.headers)).json()["count"] == 0


async def test_every_category_has_a_template_and_a_moment(client, people) -> None:
    rider = await people.member()
    listed = (await client.get(f"{API}/templates", headers=rider.headers)).json()
    assert {row["category"] for row in listed} == {
        "report", "points", "redemption", "registration", "complaint", "account", "system",
    }
    assert all(row["template_id"] and row["moment"] and row["title"] for row in listed)


async def test_a_yes_permits_one_more_and_anything_else_ends_it(client, people) -> None:
    rider = await people.member()

    async def report(**results):
        return await client.post(f"{API}/subscriptions", json={"results": results}, headers=rider.headers)

    assert (await report(**{TEMPLATE: "accept", OTHER: "ban"})).json() == {"permitted": {TEMPLATE: 1, OTHER: 0}}
    assert (await report(**{TEMPLATE: "accept"})).json() == {"permitted": {TEMPLATE: 2}}
    assert (await report(**{TEMPLATE: "reject"})).json() == {"permitted": {TEMPLATE: 0}}
    for wrong in ({"unknown_template": "accept"}, {TEMPLATE: "maybe"}, {}):
        assert (await report(**wrong)).status_code == 422


async def test_forgetting_empties_the_inbox(people, session) -> None:
    rider = await people.member()
    await send(session, rider.id)
    await service.set_permission(session, member_id=rider.id, template_id=TEMPLATE, accepted=True)
    copy = await queries.export(session, member_id=rider.id)
    assert len(copy["messages"]) == 1 and copy["subscriptions"] == {TEMPLATE: 1}
    await service.forget(session, member_id=rider.id)
    assert await queries.export(session, member_id=rider.id) == {"messages": [], "subscriptions": {}}
